"""Every message of the public corpora, put in by APPEND and by SMTP, and read back.

What APPEND brought comes back byte for byte, by IMAP and by POP3; ENVELOPE, BODY and BODYSTRUCTURE keep to the
grammar of RFC 9051 §9; every part that the structure shows has as many octets as it says.
"""

import hashlib
import poplib
import re
from itertools import pairwise
from typing import Any

import pytest

from pillarbox.mail.mbox import Entry
from tests.interop.demo import Demo, Person
from tests.interop.imap import Imap, connected
from tests.interop.smtp import connected as smtp_connected
from tests.kit.corpora import mailing_list, needs_corpora, single_messages
from tests.kit.imap.grammar import read_body, read_envelope

pytestmark = [pytest.mark.interop, needs_corpora]

BATCH = 100
MADE_UP = {
    "nothing": b"",
    "an empty line": b"\r\n",
    "no body": b"Subject: x\r\n",
    "no header": b"\r\nbody",
    "no separator": b"Subject: x\r\nthis is no field\r\nmore\r\n",
    "bare LF": b"Subject: x\n\nbody\nbody\n",
    "bare CR": b"Subject: x\r\rbody\r",
    "an octet mark": b"\xef\xbb\xbfSubject: x\r\n\r\nbody\r\n",
    "From line": b"From ann@x Mon Jan  1 00:00:00 2024\r\nSubject: x\r\n\r\nbody\r\n",
    "Content-Length": b"Content-Length: 5\r\nSubject: x\r\n\r\nlonger than five\r\n",
    "8 bit header": b"Subject: gr\xfc\xdfe\r\nFrom: \xc3\xa4 <a@b>\r\n\r\nx\r\n",
    "a long line": b"Subject: x\r\n\r\n" + b"y" * 5000 + b"\r\n",
    "a long field": b"Subject: " + b"z" * 50_000 + b"\r\n\r\nx\r\n",
    "many fields": b"".join(b"X-F%d: y\r\n" % number for number in range(3000)) + b"\r\nx\r\n",
    "deep": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(150)
    )
    + b"\r\nx\r\n",
    "deep messages": b"Content-Type: message/rfc822\r\n\r\n" * 150 + b"Subject: x\r\n\r\nx\r\n",
    "many parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    + b"--b\r\n\r\nx\r\n" * 2000
    + b"--b--\r\n",
    "no boundary": b"Content-Type: multipart/mixed\r\n\r\n--x\r\n\r\nx\r\n--x--\r\n",
    "empty boundary": b'Content-Type: multipart/mixed; boundary=""\r\n\r\n--\r\n\r\nx\r\n----\r\n',
    "no parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\nnothing\r\n",
    "a quote in an address": b'From: "a \\" \\\\ b" <a@b>\r\nTo: undisclosed:;\r\n\r\nx\r\n',
    "odd addresses": b"From: <>\r\nTo: ,,, a@, @b, <a@b\r\nCc: x: y@z, w;, (\r\n\r\nx\r\n",
    "control characters": b"Subject: a\x01b\x7fc\r\nFrom: \x02@x\r\n\r\n\x00\x01\x02\r\n".replace(
        b"\x00", b""
    ),
    "half an encoded word": b"Subject: =?utf-8?q?abc\r\n\r\nx\r\n",
    "types of nothing": b"Content-Type: \r\nContent-Transfer-Encoding:\r\nContent-Disposition: ;\r\n\r\nx\r\n",
    "many parameters": b"Content-Type: text/plain"
    + b"".join(b"; p%d=v" % n for n in range(2000))
    + b"\r\n\r\nx\r\n",
}


def check(imap: Imap, number: int, octets: bytes) -> None:
    """One message, by all that describes it."""
    items = imap.ok(b"FETCH %d (RFC822.SIZE BODY.PEEK[] ENVELOPE BODY BODYSTRUCTURE)" % number).fetched[
        number
    ]
    assert items[b"RFC822.SIZE"] == len(octets)
    assert items[b"BODY[]"] == octets
    assert len(items[b"ENVELOPE"]) == 10
    structure = items[b"BODYSTRUCTURE"]
    sections = list(leaves(structure, ()))[:40]
    if not isinstance(structure[0], list):
        sections = [((1,), structure)]
    names = [b".".join(b"%d" % step for step in path) for path, _ in sections]
    fetched = imap.ok(
        b"FETCH %d (BODY.PEEK[HEADER] BODY.PEEK[TEXT] %b)"
        % (number, b" ".join(b"BODY.PEEK[%b]" % name for name in names))
    ).fetched[number]
    assert fetched[b"BODY[HEADER]"] + fetched[b"BODY[TEXT]"] == octets
    for name, (_, leaf) in zip(names, sections, strict=True):
        part = fetched[b"BODY[%b]" % name]
        assert len(part or b"") == leaf[6], (name, leaf)
        assert (part or b"") in octets


def leaves(body: list[Any], path: tuple[int, ...]) -> Any:
    """Each part that is no multipart, with its number."""
    if isinstance(body[0], list):
        for number, child in enumerate(
            (item for item in body if isinstance(item, list) and is_body(item)), 1
        ):
            yield from leaves(child, (*path, number))
    else:
        yield path, body


def is_body(item: list[Any]) -> bool:
    """A part, as opposed to parameters that follow the subtype: those are flat, of an even number of strings."""
    return bool(item) and (isinstance(item[0], list) or (len(item) >= 7 and isinstance(item[6], int)))


def test_made_up_ones(any_provider: Demo) -> None:
    with connected(any_provider, any_provider.newcomer()) as imap:
        for name, octets in MADE_UP.items():
            answer = imap.append("INBOX", [octets]) if octets else None
            assert answer is None or answer.word == "OK", name
        imap.select("INBOX")
        kept = {name: octets for name, octets in MADE_UP.items() if octets}
        for number, (name, octets) in enumerate(kept.items(), 1):
            try:
                check(imap, number, octets)
            except AssertionError as error:
                raise AssertionError(name) from error


def test_the_test_collections(provider: Demo) -> None:
    collected = [(name, octets) for name, octets in single_messages() if octets and b"\0" not in octets]
    assert len(collected) > 200
    with connected(provider, provider.newcomer()) as imap:
        for start in range(0, len(collected), BATCH):
            imap.append("INBOX", [octets for _, octets in collected[start : start + BATCH]])
        imap.select("INBOX")
        for number, (name, octets) in enumerate(collected, 1):
            try:
                check(imap, number, octets)
            except AssertionError as error:
                raise AssertionError(name) from error


def test_they_come_by_smtp_as_well(provider: Demo) -> None:
    person = provider.newcomer()
    taken = 0
    with smtp_connected(provider) as smtp:
        smtp.hello()
        for _, octets in single_messages():
            smtp.send(
                b"MAIL FROM:<>\r\nRCPT TO:<%s>\r\nBDAT %d LAST\r\n%b"
                % (person.address.encode(), len(octets), octets)
            )
            replies = [smtp.reply() for _ in range(3)]
            assert [reply.code for reply in replies] == [250, 250, 250], replies
            taken += 1
    with connected(provider, person, select="INBOX") as imap:
        assert imap.exists() == taken
        answer = imap.ok(b"FETCH 1:* (ENVELOPE BODYSTRUCTURE RFC822.SIZE BODY.PEEK[])")
        assert all(items[b"RFC822.SIZE"] == len(items[b"BODY[]"]) for items in answer.fetched.values())
        assert len(answer.fetched) == taken


def test_the_strict_reader_agrees(provider: Demo) -> None:
    """The same octets by the other reader: what stands between two labels is one ENVELOPE, one BODY."""
    with connected(provider, provider.newcomer()) as imap:
        some = [octets for _, octets in single_messages() if octets and b"\0" not in octets][:BATCH]
        imap.append("INBOX", some)
        imap.select("INBOX")
        stream = imap.stream
        stream.sendall(b"e FETCH 1:* ENVELOPE\r\nb FETCH 1:* BODY\r\ns FETCH 1:* BODYSTRUCTURE\r\n")
        said = b""
        while b"\r\ns OK" not in said:
            said += stream.recv(1 << 20)
    assert len([read_envelope(octets) for octets in values(said, b"ENVELOPE", b"e")]) == len(some)
    bodies, structures = values(said, b"BODY", b"b"), values(said, b"BODYSTRUCTURE", b"s")
    assert len([read_body(octets, rev2=False) for octets in bodies]) == len(some)
    assert len([read_body(octets, extended=True, rev2=False) for octets in structures]) == len(some)


def values(said: bytes, label: bytes, tag: bytes) -> list[bytes]:
    """The value after a label in each FETCH response of one command."""
    mark = b" FETCH (" + label + b" "
    answer = said[: said.index(b"\r\n" + tag + b" OK")]
    places = [found.start() for found in re.finditer(rb"\* \d+" + re.escape(mark), answer)]
    pieces = (answer[start:end] for start, end in pairwise([*places, len(answer) + 2]))
    return [piece.partition(mark)[2].removesuffix(b"\r\n").removesuffix(b")") for piece in pieces]


def test_pop3_gives_the_same_octets(provider: Demo) -> None:
    """Where lines end in CRLF; POP3 knows no other line end."""
    letters = [octets for _, octets in single_messages() if octets.endswith(b"\r\n")]
    clean = [
        octets for octets in letters if octets.count(b"\n") == octets.count(b"\r") == octets.count(b"\r\n")
    ]
    clean = [
        octets for octets in clean if b"\0" not in octets and max(map(len, octets.split(b"\r\n"))) < 1900
    ][:60]
    person = provider.newcomer()
    with connected(provider, person) as imap:
        imap.append("INBOX", clean)
    client = poplib.POP3_SSL("localhost", provider.ports["pop3s"], context=provider.context(), timeout=60)
    try:
        client.user(person.login)
        client.pass_(person.password)
        for number, octets in enumerate(clean, 1):
            _, lines, _ = client.retr(number)
            assert b"".join(line + b"\r\n" for line in lines) == octets
    finally:
        client.close()


def digest(octets: bytes) -> bytes:
    return hashlib.sha256(octets).digest()


@pytest.mark.timeout(240)
def test_a_mailing_list_of_thousands(busy_provider: Demo) -> None:
    person: Person = busy_provider.newcomer()
    posts = [entry.message for entry in mailing_list() if isinstance(entry, Entry)]
    with connected(busy_provider, person) as imap:
        for start in range(0, len(posts), 500):
            imap.append("INBOX", posts[start : start + 500])
        imap.select("INBOX")
        for start in range(0, len(posts), 500):
            numbers = b"%d:%d" % (start + 1, min(start + 500, len(posts)))
            found = imap.ok(b"FETCH %b (RFC822.SIZE BODY.PEEK[] ENVELOPE BODYSTRUCTURE)" % numbers).fetched
            for number, items in found.items():
                assert digest(items[b"BODY[]"]) == digest(posts[number - 1])
                assert items[b"RFC822.SIZE"] == len(posts[number - 1])
