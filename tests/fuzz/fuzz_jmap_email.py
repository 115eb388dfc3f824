"""Fuzz what JMAP reads from messages: forms of header fields, parts, texts, snippets.

`python tests/fuzz/fuzz_jmap_email.py --runs 100000` from the checkout.
"""

import sys
from pathlib import Path

# Run as a script, only this folder is on the path.
sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

import msgspec

from pillarbox.protocol.jmap.email import body_part, header_forms, snippet
from tests.fuzz import harness
from tests.kit.mail.emails import check_email

SEEDS = (
    b' "A. B" <a@b.example>, team: c@d (x), "e f"@g;, =?utf-8?q?J=C3=BC?= <h@[127.0.0.1]>',
    b" <a@b> (x <y>) <c>\r\n <d e>",
    b" <mailto:a@b?subject=x>, (or)\r\n <http://c/>",
    b" Thu, 15 Feb 2007 01:02:03 +0200 (EET)",
    b" =?utf-8?q?=C3?= =?utf-8?q?=A4?= =?iso-2022-jp?b?GyRCJCIbKEI=?= x=?utf-8?b?eA==?=",
    (
        b"From: a@b\r\nX-A: <x>\r\nSubject: x\r\nContent-Type: multipart/related; boundary=b\r\n\r\n--b\r\n"
        b"Content-Type: text/html; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>=C3=A4 <img\r\n"
        b"src=cid:x></p>\r\n--b\r\nContent-Type: image/png\r\n"
        b"Content-Disposition: attachment; filename*=utf-8''%C3%A4\r\n"
        b"Content-ID: <x>\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJD\r\n--b--\r\n"
    ),
    b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeA0KDQp5\r\n",
)


def target(octets: bytes) -> None:
    """Nothing raises; values have their types, and are JSON."""
    for read in header_forms.READERS.values():
        msgspec.json.encode(read(octets))
    check_email(octets)
    text = octets.decode("utf-8", "replace")
    body_part.find(octets, text[:10])
    terms = snippet.folded_terms([text[:3], text[-3:], "a"])
    found = snippet.preview(octets, terms)
    assert found is None or len(found.encode()) <= snippet.MAX_PREVIEW_OCTETS
    snippet.subject(text, terms)


if __name__ == "__main__":
    harness.main(target, SEEDS)
