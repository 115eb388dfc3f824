"""A new Email becomes a message: Email/set create (RFC 8621 §4.6).

Two steps, since blobs must be looked up in between: `read` checks all properties that are about the message, and
returns a `Draft`, which knows its blobs; `compose` makes a `ComposedMessage` of it, whose octets come in pieces.
Either may return a `Refusal` instead, which names everything that is wrong. Neither raises, whatever the properties.

What an Email says of where it is kept (`mailboxIds`, `keywords`, `receivedAt`) is not looked at here. Texts in
`bodyValues` that no part has are left out.

A message always has Date, Message-ID and MIME-Version. Bcc stays in it: it is a draft, and whoever sends it removes
Bcc.
"""

import re
from collections.abc import Mapping
from html import unescape
from typing import Any, Final
from urllib.parse import unquote

import msgspec

from pillarbox.mail.composing.entity import ComposedMessage, Source
from pillarbox.mail.composing.folding import field
from pillarbox.mail.composing.values import MAX_ID_OCTETS, message_ids
from pillarbox.mail.date import rfc5322
from pillarbox.protocol.jmap.email.composing_body import DraftPart, PartReader, empty, joined
from pillarbox.protocol.jmap.email.composing_header import CONVENIENCE, Fields, HeaderProperty
from pillarbox.protocol.jmap.email.composing_refusal import Faults, Members, Refusal, TooLarge


class Limits(msgspec.Struct, frozen=True):
    """The largest Email; `tooLarge` beyond it."""

    parts: int = 500
    """Parts, multiparts included."""
    depth: int = 20
    """Levels of multiparts."""
    header_octets: int = 256 * 1024
    """Header fields of the message and of its parts together."""
    properties: int = 1_000
    """Properties of the Email, and texts in bodyValues."""
    text_characters: int = 10 * 1024 * 1024
    """All texts in bodyValues together."""
    blob_octets: int = 50_000_000
    """All blobs together, before they are encoded: maxSizeAttachmentsPerEmail."""


DEFAULT_LIMITS: Final = Limits()

_STORED: Final = ("mailboxIds", "keywords", "receivedAt")
_ORDER: Final = (
    "date", "from", "sender", "reply-to", "to", "cc", "bcc", "message-id", "in-reply-to", "references", "subject",
)  # fmt: skip
"""Fields of a message that stand first, in this order."""

_CID_CHARACTERS: Final = 3 * MAX_ID_OCTETS
"""Of a URL, whose characters may be percent-encoded."""
_CID: Final = re.compile(rf"cid:([^\s\"'<>()\\]{{1,{_CID_CHARACTERS}}})", re.IGNORECASE)
_SCAN_CHARACTERS: Final = 32 * 1024
"""Of an HTML text, searched at once."""


class Draft(msgspec.Struct, frozen=True, eq=False):
    """An Email whose properties are valid."""

    fields: tuple[tuple[str, bytes], ...]
    """Lower-case names and fields, in order."""
    root: DraftPart
    blob_ids: tuple[str, ...]
    """Of all its parts, each once."""


class Made(msgspec.Struct, frozen=True):
    """What a message has that the client need not give."""

    message_id: str
    """Without brackets."""
    now_ms: int
    boundary_seed: str
    """A text that nobody can guess."""


def read(properties: dict[str, Any], limits: Limits = DEFAULT_LIMITS) -> Draft | Refusal:
    """The draft that an Email's properties describe, or why there is none.

    Takes 25 ms for thousands of addresses, and 100 ms at the limits; large properties are for a thread.
    """
    faults = Faults(limits.header_octets)
    try:
        return _Reader(properties, limits, faults).draft()
    except TooLarge as what:
        return Refusal("tooLarge", f"The email is too large: {what}.")


def compose(
    draft: Draft, blobs: Mapping[str, Source], made: Made, limits: Limits = DEFAULT_LIMITS
) -> ComposedMessage | Refusal:
    """The message, or why there is none: blobs that are missing, or too large together."""
    if missing := tuple(blob_id for blob_id in draft.blob_ids if blob_id not in blobs):
        return Refusal("blobNotFound", "A part has a blob that does not exist.", not_found=missing)
    if draft.root.octets(blobs) > limits.blob_octets:
        return Refusal("tooLarge", f"All blobs together are larger than {limits.blob_octets} octets.")
    fields = dict(draft.fields)
    known = fields.keys() | {key for key, _ in draft.root.fields}
    if "date" not in known:
        fields["date"] = field("Date", rfc5322(made.now_ms).split(" "))
    if "message-id" not in known:
        fields["message-id"] = field("Message-ID", message_ids([made.message_id]))
    first = [fields.pop(key) for key in _ORDER if key in fields]
    header = b"".join([*first, *fields.values(), b"MIME-Version: 1.0\r\n"])
    return ComposedMessage(header, draft.root.entity(blobs), made.boundary_seed)


class _Reader:
    """Reads one Email."""

    def __init__(self, properties: dict[str, Any], limits: Limits, faults: Faults) -> None:
        if len(properties) > limits.properties:
            raise TooLarge("too many properties")
        self._limits = limits
        self._faults = faults
        self._members = Members(properties, "", faults)
        self._fields = Fields(faults)
        self._values: dict[str, str] = {}

    def draft(self) -> Draft | Refusal:
        members, faults = self._members, self._faults
        for name in _STORED:
            members.take(name)
        members.none_of(("headers",), "a header field is set by a property of its own")
        self._header()
        self._body_values()
        root = self._body()
        members.finish()
        if faults:
            return faults.refusal()
        assert root is not None  # without faults all parts are there
        return Draft(tuple(self._fields.written.items()), root, tuple(root.blob_ids()))

    def _header(self) -> None:
        members = self._members
        for name, header in CONVENIENCE.items():
            self._fields.add(header, members.take(name), name)
        for key, value in members.with_prefix("header:").items():
            named = HeaderProperty.parse(key)
            if named is None:
                members.wrong(key, "not a header field in a form that it may have")
            elif named.key.startswith("content-"):
                members.wrong(key, "a part has this field, not the message")
            else:
                self._fields.add(named, value, key)
        self._fields.written.pop("mime-version", None)  # there is one version

    def _body_values(self) -> None:
        given = self._members.take("bodyValues")
        if given is None:
            return
        if not isinstance(given, dict):
            self._members.wrong("bodyValues", "must be an object")
            return
        if len(given) > self._limits.properties:
            raise TooLarge("too many texts")
        characters = 0
        for part_id, each in given.items():
            path = f"bodyValues/{part_id}"
            if not isinstance(each, dict):
                self._faults.add(path, "must be an EmailBodyValue")
                continue
            members = Members(each, path, self._faults)
            text = members.take("value")
            if not isinstance(text, str):
                members.wrong("value", "must be a string")
                text = ""
            for name in ("isEncodingProblem", "isTruncated"):
                if members.take(name) not in (None, False):
                    members.wrong(name, "must be false or omitted")
            members.finish()
            characters += len(text)
            if characters > self._limits.text_characters:
                raise TooLarge(f"more than {self._limits.text_characters} characters of text")
            # Also where it has faults: a part that names it is not wrong
            self._values[part_id] = text

    def _body(self) -> DraftPart | None:
        members, limits = self._members, self._limits
        parts = PartReader(self._values, self._faults, limits.parts, limits.depth)
        structure = members.take("bodyStructure")
        if structure is None:
            return self._lists(parts)
        for name in ("textBody", "htmlBody", "attachments"):
            if members.take(name) is not None:
                members.wrong("bodyStructure", "given beside textBody, htmlBody or attachments")
                members.wrong(name, "given beside bodyStructure")
        return parts.part(structure, "bodyStructure", claimed=self._fields.claimed)

    def _lists(self, parts: PartReader) -> DraftPart | None:
        """alternative(text, related(html, inline images)) and the attachments, as far as they are given."""
        given = self._members.take("attachments")
        if given is not None and not isinstance(given, list):
            self._members.wrong("attachments", "must be a list of EmailBodyPart")
            given = None
        texts = {name: self._one(name) for name in ("textBody", "htmlBody")}
        is_root = not given and sum(each is not None for each in texts.values()) == 1
        claimed = self._fields.claimed if is_root else None
        text, html = (
            None
            if texts[name] is None
            else parts.part(texts[name], f"{name}/0", default=kind, claimed=claimed)
            for name, kind in (("textBody", "text/plain"), ("htmlBody", "text/html"))
        )
        is_inline = _Inline(html, given or [])
        inline: list[DraftPart] = []
        others: list[DraftPart] = []
        for place, each in enumerate(given or ()):
            here = is_inline.has(each)
            shown = "inline" if here else "attachment"
            part = parts.part(each, f"attachments/{place}", disposition=shown)
            if part is not None:
                (inline if here else others).append(part)
        if html is not None and inline:
            html = joined("related", html, *inline)
        bodies = [body for body in (text, html) if body is not None]
        body = joined("alternative", *bodies) if len(bodies) == 2 else bodies[0] if bodies else None
        if others:
            return joined("mixed", *([] if body is None else [body]), *others)
        return body or empty()

    def _one(self, name: str) -> Any:
        """The only part of `textBody` or `htmlBody`; an empty list is none, as it comes where there is no text."""
        given = self._members.take(name)
        if given is None or given == []:
            return None
        if not isinstance(given, list) or len(given) != 1:
            self._members.wrong(name, "must be a list of exactly one EmailBodyPart")
            return None
        return given[0]


class _Inline:
    """Which attachments belong to the HTML: those whose cid it has (RFC 2392)."""

    def __init__(self, html: DraftPart | None, attachments: list[Any]) -> None:
        self._is_blob = html is not None and html.blob_id is not None
        text = html.text if html is not None and any(map(_cid, attachments)) else None
        self._cids = _cids(text) if text else frozenset[str]()

    def has(self, attachment: Any) -> bool:
        """Whether it does; of a blob it is not known, so what is meant to be inline is."""
        cid = _cid(attachment)
        if cid is None:
            return False
        return cid in self._cids or (self._is_blob and attachment.get("disposition") == "inline")


def _cid(attachment: Any) -> str | None:
    cid = attachment.get("cid") if isinstance(attachment, dict) else None
    return cid if isinstance(cid, str) else None


def _cids(html: str) -> frozenset[str]:
    found: set[str] = set()
    for at in range(0, len(html), _SCAN_CHARACTERS):
        # What begins at the end of a window is found whole in the next one
        found.update(_CID.findall(html, at, at + _SCAN_CHARACTERS + _CID_CHARACTERS))
    return frozenset([unquote(unescape(cid)) for cid in found])
