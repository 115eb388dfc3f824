"""Fuzz files of vCards, there and back.

`python tests/fuzz/fuzz_cards.py --runs 100000` from the checkout.
"""

import sys
from pathlib import Path

# Run as a script, only this folder is on the path.
sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from pillarbox.cards.card import check
from pillarbox.cards.conversion import to_card, to_vcard
from pillarbox.cards.pointers import same
from pillarbox.cards.searching import EXACT, FIELDS, SORTS, sort_key, texts
from pillarbox.cards.vcard import VCard, read, write
from tests.fuzz import harness

SEEDS = (
    (
        b'BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Jane Doe\r\nN;ALTID=1;JSCOMPS=";1;0":Doe;Jane;;;;;\r\n'
        b'N;ALTID=1;PHONETIC=ipa:do;jan;;;\r\nitem1.TEL;VALUE=uri;PREF=1;TYPE="voice,home":tel:+1\r\n'
        b"item1.X-ABLabel:x\r\nTITLE;ALTID=1:Boss\r\nTITLE;ALTID=1;LANGUAGE=fr:Patron\r\nBDAY:19960415\r\n"
        b'JSPROP;JSPTR="emails/a/label":"y"\r\nEMAIL;PROP-ID=a:a@b.c\r\nEND:VCARD\r\n'
    ),
    (
        b"BEGIN:VCARD\nVERSION:3.0\nPHOTO;ENCODING=b;TYPE=JPEG:QUJD\nGEO:1;2\nTZ:-05:00\nORG:a;b\nCATEGORIES:a,b\n"
        b"ADR;TYPE=home:;;Main St\\, 1;Town;;;\nNOTE:long\n  text\\nwith\\, all\nURL:http\\://x.y\nEND:VCARD\n"
    ),
    (
        b"BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FC=\r\nller;J\r\n"
        b"TEL;HOME;VOICE;PREF:1\r\nAGENT:\r\nBEGIN:VCARD\r\nVERSION:2.1\r\nFN:x\r\nEND:VCARD\r\nEND:VCARD\r\n"
    ),
    (
        b"BEGIN:VCARD\nVERSION:4.0\nKIND:group\nMEMBER;PREF=1:urn:x\nRELATED;TYPE=friend:urn:y\nUID:urn:z\n"
        b'LANGUAGE:en\nGENDER:M;x\nORG;SORT-AS="a,b":c;d\nADR;LABEL="a^nb";GEO="geo:1,2":;;x;y;;;;;;7;x;;;;;;\n'
        b"REV:19951031T222710Z\nCREATED:19940930T143510Z\nGRAMGENDER:NEUTER\nPRONOUNS:x\nEND:VCARD\n"
    ),
)


def target(octets: bytes) -> None:
    """Nothing raises; what can be read is a valid Card, which is the same after it has been written and read."""
    for vcard in read(octets):
        if not isinstance(vcard, VCard):
            continue
        card = to_card(vcard)
        assert check(card) == []
        for field in FIELDS | EXACT:
            texts(card, field)
        for order in SORTS:
            sort_key(card, order)
        (again,) = read(write([to_vcard(card)]))
        assert isinstance(again, VCard)
        assert same(to_card(again), card)


if __name__ == "__main__":
    harness.main(target, SEEDS)
