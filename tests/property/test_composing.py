"""Whatever an Email says: it becomes a message that others read as it was meant, or its faults are named."""

from collections.abc import Iterator
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pillarbox.mail import charset, encoded_word, seven_bit
from pillarbox.mail.address_list import mailboxes, parse_address_list
from pillarbox.mail.composing.entity import ComposedMessage
from pillarbox.mail.header import Header
from pillarbox.mail.name_addr import Group
from pillarbox.mail.normalization import normalize
from pillarbox.mail.part import Part
from pillarbox.mail.part_parser import parse
from pillarbox.mail.threading import message_ids
from pillarbox.mail.transfer import decode
from pillarbox.protocol.jmap.email.composing import Draft, Made, compose, read
from pillarbox.protocol.jmap.email.composing_refusal import Refusal
from tests.kit.corpora import needs_corpora, single_messages

examples = settings(max_examples=200, deadline=None)
MADE = Made(message_id="made@x.example", now_ms=1_700_000_000_000, boundary_seed="seed")


class Blob(msgspec.Struct):
    """A source in memory."""

    octets: bytes

    @property
    def size(self) -> int:
        return len(self.octets)

    def read(self, start: int, end: int) -> bytes:
        return self.octets[start:end]


def message_of(properties: dict[str, Any], blobs: dict[str, Blob] | None = None) -> bytes:
    draft = read(properties)
    assert isinstance(draft, Draft), draft
    message = compose(draft, blobs or {}, MADE)
    assert isinstance(message, ComposedMessage), message
    octets = b"".join(message.pieces())
    assert message.needs_smtputf8 or octets.isascii() or b"\r\nContent-Transfer-Encoding: 8bit\r\n" in octets
    assert seven_bit.in_final_form(octets)
    return octets


def python_of(octets: bytes) -> EmailMessage:
    return BytesParser(policy=default).parsebytes(octets)


def leaves(part: Part) -> Iterator[Part]:
    if part.media_type != "multipart":
        yield part
    for child in part.children if part.media_type == "multipart" else ():
        yield from leaves(child)


def body(octets: bytes, part: Part) -> bytes:
    return decode(octets[part.body_start : part.end], part.encoding)


# At the beginning of a text, readers take U+FEFF for a byte order mark
PRINTABLE = st.characters(blacklist_categories=["Cc", "Cs"], blacklist_characters="\ufeff")
SPECIAL = st.sampled_from([*' "\\(),.:;<>@[]=?_éß日👩', "=?utf-8?q?a?=", "  ", "From ", "--", "=_"])
LINE = st.lists(st.one_of(PRINTABLE, SPECIAL), max_size=60).map("".join)
TEXT = st.lists(
    st.one_of(
        st.characters(blacklist_categories=["Cs"]),
        SPECIAL,
        st.sampled_from(["\n", "\r\n", "x" * 80, "x" * 1000]),
    ),
    max_size=60,
).map("".join)
ATOM = st.text("abcxyz0189!#$%&'*+-/=?^_`{|}~", min_size=1, max_size=12)
LOCAL = st.one_of(
    st.lists(ATOM, min_size=1, max_size=3).map(".".join),
    st.text("a b.@,;:<>()\\", min_size=1, max_size=8).map(
        lambda text: '"' + text.replace("\\", "\\\\") + '"'
    ),
)
DOMAIN = st.sampled_from(["x.example", "bücher.example", "a-b.c", "[192.0.2.1]"])
ADDRESS = st.builds("{}@{}".format, LOCAL, DOMAIN)


def spelled(address: str) -> tuple[bytes, bytes]:
    local, _, domain = address.rpartition("@")
    if local.startswith('"'):
        local = local[1:-1].replace("\\\\", "\\")
    return local.encode(), domain.replace("bücher", "xn--bcher-kva").encode()


@examples
@given(LINE)
@example("=?utf-8?q?a?= =?utf-8?q?b?=")
@example("\xa0 \u2003")
def test_a_subject_comes_back(subject: str) -> None:
    octets = message_of({"subject": subject})
    raw = parse(octets).header.first("Subject")
    assert raw is not None
    assert encoded_word.decode(raw) == subject
    assert "".join(str(python_of(octets)["Subject"]).split()) == "".join(subject.split())


@examples
@given(st.lists(st.tuples(st.one_of(st.none(), LINE), ADDRESS), max_size=6))
def test_addresses_come_back(addresses: list[tuple[str | None, str]]) -> None:
    octets = message_of({"to": [{"name": name, "email": email} for name, email in addresses]})
    raw = parse(octets).header.first("To")
    assert (raw is None) == (not addresses)
    found = mailboxes(parse_address_list(raw or b""))
    assert [(each.local, each.domain) for each in found] == [spelled(email) for _, email in addresses]
    names = [encoded_word.decode(each.display or b"") for each in found]
    assert names == [(name or "").strip(" ") for name, _ in addresses]
    field = python_of(octets)["To"]
    if field is not None and "[" not in str(addresses):
        assert [(each.username.encode(), each.domain.encode()) for each in field.addresses] == [
            spelled(email) for _, email in addresses
        ]


@examples
@given(st.lists(st.one_of(LINE, ADDRESS), max_size=6))
def test_anything_in_place_of_an_address_is_one(emails: list[str]) -> None:
    refusal = read({"to": [{"email": email} for email in emails]})
    if isinstance(refusal, Refusal):
        assert refusal.properties == ("to",)
        return
    octets = message_of({"to": [{"email": email} for email in emails]})
    found = mailboxes(parse_address_list(parse(octets).header.first("To") or b""))
    assert len(found) == len([email for email in emails if email.strip(" ")])


@examples
@given(st.lists(st.tuples(LINE, st.lists(st.tuples(LINE, ADDRESS), max_size=3)), max_size=4))
def test_groups_come_back(groups: list[tuple[str, list[tuple[str, str]]]]) -> None:
    named = [(name.strip(" ") or "G", members) for name, members in groups]
    value = [
        {"name": name, "addresses": [{"name": display, "email": email} for display, email in members]}
        for name, members in named
    ]
    octets = message_of({"header:To:asGroupedAddresses": value})
    items = parse_address_list(parse(octets).header.first("To") or b"")
    assert [encoded_word.decode(item.name) for item in items if isinstance(item, Group)] == [
        name for name, _ in named
    ]
    assert [spelled(email) for _, members in named for _, email in members] == [
        (each.local, each.domain) for each in mailboxes(items)
    ]


@examples
@given(st.lists(st.builds("{}@{}".format, ATOM, ATOM), unique=True, max_size=40))
def test_ids_come_back(ids: list[str]) -> None:
    octets = message_of({"references": ids})
    assert message_ids(parse(octets).header.first("References") or b"") == ids
    assert all(len(line) <= 78 for line in octets.split(b"\r\n"))


@examples
@given(st.datetimes(timezones=st.timezones()).filter(lambda at: 1000 < at.year < 9000))
def test_dates_come_back(at: Any) -> None:
    zone = int(at.utcoffset().total_seconds()) // 60
    at = at.replace(microsecond=0, tzinfo=None)
    sign, minutes = "-" if zone < 0 else "+", abs(zone)
    octets = message_of({"sentAt": f"{at.isoformat()}{sign}{minutes // 60:02d}:{minutes % 60:02d}"})
    found = python_of(octets)["Date"].datetime
    assert found.replace(tzinfo=None) == at
    assert (found.utcoffset().total_seconds() // 60 if found.utcoffset() else 0) == zone


@examples
@given(LINE)
def test_a_raw_field_comes_back(value: str) -> None:
    octets = message_of({"header:X-Raw": value})
    (field,) = [each for each in parse(octets).header.fields if each.key == "x-raw"]
    assert field.raw == f"X-Raw:{value}\r\n".encode()


@examples
@given(TEXT, TEXT, st.lists(st.tuples(LINE, st.binary(max_size=300)), max_size=3))
@example("a\r", "--=_x", [("x", b"")])
def test_bodies_and_attachments_come_back(text: str, html: str, files: list[tuple[str, bytes]]) -> None:
    blobs = {f"B{n}": Blob(octets) for n, (_, octets) in enumerate(files)}
    octets = message_of(
        {
            "bodyValues": {"t": {"value": text}, "h": {"value": html}},
            "textBody": [{"partId": "t"}],
            "htmlBody": [{"partId": "h"}],
            "attachments": [
                {"blobId": f"B{n}", "type": "a/b", "name": name, "cid": f"cid{n}@x"}
                for n, (name, _) in enumerate(files)
            ],
        },
        blobs,
    )
    plain, shown, *others = leaves(parse(octets))
    for part, value in ((plain, text), (shown, html)):
        read_back = charset.decode(body(octets, part), part.charset)
        assert read_back.replace("\r\n", "\n") == value.replace("\r\n", "\n")
    assert [body(octets, part) for part in others] == [content for _, content in files]
    assert [part.filename or "" for part in others] == [name for name, _ in files]
    assert [part.content_id for part in others] == [b"<cid%d@x>" % n for n in range(len(files))]
    python = python_of(octets)
    attached = [part for part in python.walk() if part.get_content_type() == "a/b"]
    assert [part.get_payload(decode=True) for part in attached] == [content for _, content in files]


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.floats(allow_nan=False)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
PART_NAMES = st.sampled_from(
    ["partId", "blobId", "size", "name", "type", "charset", "disposition", "cid", "language", "location", "subParts",
     "headers", "header:Content-Type", "header:X:asText", "header:content-id", "x"]
)  # fmt: skip
PART = st.dictionaries(
    PART_NAMES,
    st.one_of(JSON, st.sampled_from(["t", "B0", "text/plain", "multipart/mixed", "a/b", "utf-8"])),
    max_size=6,
)
NAMES = st.sampled_from(
    ["from", "to", "subject", "messageId", "sentAt", "references", "header:X", "header:X:all", "header:to:asAddresses",
     "header:X:asGroupedAddresses:all", "header:Date", "headers", "id", "bodyValues"]
)  # fmt: skip


@examples
@given(
    st.dictionaries(NAMES, JSON, max_size=6),
    st.dictionaries(
        st.sampled_from(["bodyStructure", "textBody", "htmlBody", "attachments"]),
        st.one_of(PART, st.lists(PART, max_size=3), JSON),
        max_size=3,
    ),
)
def test_nothing_raises(header: dict[str, Any], bodies: dict[str, Any]) -> None:
    properties = {"bodyValues": {"t": {"value": "x"}}, **header, **bodies}
    draft = read(properties)
    if isinstance(draft, Refusal):
        assert draft.properties
        assert {name.partition("/")[0] for name in draft.properties} <= properties.keys() | {"bodyValues"}
        return
    message = compose(draft, {"B0": Blob(b"x\n")}, MADE)
    if isinstance(message, Refusal):
        assert message.type == "blobNotFound"
    else:
        parse(b"".join(message.pieces()))


# --- what another message says of itself, handed back


def text_of(octets: bytes) -> str:
    return octets.decode("utf-8", "replace").replace("\0", "")


def raw_values(header: Header) -> dict[str, Any]:
    found: dict[str, list[str]] = {}
    for field in header.fields:
        if field.name and not field.key.startswith("content-"):
            value = text_of(field.raw.partition(b":")[2].removesuffix(b"\n").removesuffix(b"\r"))
            found.setdefault(f"header:{text_of(field.name).strip()}:all", []).append(value)
    return dict(found)


def convenience(header: Header) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("From", "To", "Cc"):
        if (raw := header.first(name)) is not None:
            found[name.lower()] = [
                {
                    "name": None
                    if each.display is None
                    else normalize("NFC", encoded_word.decode(each.display)),
                    "email": text_of(each.local + (b"@" + each.domain if each.domain else b"")),
                }
                for each in mailboxes(parse_address_list(raw))
            ]
    if (raw := header.first("Subject")) is not None:
        found["subject"] = encoded_word.decode(raw)
    for name, key in (("In-Reply-To", "inReplyTo"), ("References", "references")):
        if (raw := header.first(name)) is not None:
            found[key] = message_ids(raw)
    return found


def body_part(octets: bytes, part: Part, blobs: dict[str, Blob]) -> dict[str, Any]:
    found: dict[str, Any] = {"type": part.content_type, "name": part.filename, "partId": None}
    found["cid"] = None if part.content_id is None else text_of(part.content_id).strip("<>")
    found["disposition"] = None if part.disposition is None else part.disposition.type
    found["language"] = [text_of(tag) for tag in part.language] or None
    found["location"] = None if part.location is None else text_of(part.location)
    if part.media_type == "multipart" and part.children:
        found["subParts"] = [body_part(octets, each, blobs) for each in part.children]
    else:
        found["blobId"] = f"B{len(blobs)}"
        found["charset"] = part.charset
        found["size"] = part.size
        blobs[found["blobId"]] = Blob(body(octets, part))
    return found


def simplified(part: dict[str, Any], faults: set[str], path: str = "bodyStructure") -> dict[str, Any]:
    """The part without the properties that were named."""
    kept = {name: value for name, value in part.items() if f"{path}/{name}" not in faults}
    if "subParts" in kept:
        kept["subParts"] = [
            simplified(each, faults, f"{path}/subParts/{n}") for n, each in enumerate(kept["subParts"])
        ]
    return kept


@needs_corpora
@pytest.mark.parametrize("named", [convenience, raw_values])
def test_what_a_message_of_the_corpora_says_is_written_or_named(named: Any) -> None:
    written = 0
    for _, octets in single_messages():
        root = parse(octets)
        blobs: dict[str, Blob] = {}
        properties = {**named(root.header), "bodyStructure": body_part(octets, root, blobs)}
        draft = read(properties)
        if isinstance(draft, Refusal) and draft.type == "invalidProperties":
            faults = set(draft.properties)
            assert faults
            assert {name.partition("/")[0] for name in faults} <= properties.keys()
            # Without what was named it can be written
            properties = {name: value for name, value in properties.items() if name not in faults}
            properties["bodyStructure"] = simplified(properties["bodyStructure"], faults)
            draft = read(properties)
        if isinstance(draft, Refusal):
            assert draft.type == "tooLarge" or all(
                "type" in name or "subParts" in name for name in draft.properties
            )
            continue
        message = compose(draft, blobs, MADE)
        assert isinstance(message, ComposedMessage)
        again = b"".join(message.pieces())
        assert seven_bit.in_final_form(again)
        written += 1
        parts = list(leaves(parse(again)))
        given = list(leaves(root))
        if len(parts) == len(given):
            for part, before in zip(parts, given, strict=True):
                if part.media_type != "message":
                    assert body(again, part) == body(octets, before) or before.media_type == "message"
    assert written > 50
