"""Whether a message has an attachment: what a list of messages shows a paper clip for (RFC 8621 §4.1.4).

A part is one if it is a file to save rather than text to read: not what the mail program uses by itself, such as a
signature, and not what the HTML shows. Some programs label the images in their HTML as attachments.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from pillarbox.mail import text
from pillarbox.mail.message_id import message_ids
from pillarbox.mail.part import MimeFields, Part

MAX_HTML_OCTETS: Final = 256 * 1024
"""Octets of the HTML of a multipart/related that are read to see which of its parts it shows."""

_MEDIA: Final = frozenset({"image", "audio", "video"})
_CID: Final = re.compile(r"cid:([^\s\"'<>()]{1,998})", re.IGNORECASE)


def has_attachment(octets: bytes, part: Part) -> bool:
    """Whether this part, or one below it, is an attachment."""
    mime = part.mime
    is_container = mime.media_type == "multipart" and part.children
    if not is_container and (_is_attachment_cached(mime) if mime.is_cacheable else _is_attachment(mime)):
        return True
    children: Sequence[Part] = part.children
    if mime.subtype == "related" and any(map(_may_be_shown, children)):
        shown = _shown(octets, part)
        children = [child for child in children if not (_may_be_shown(child) and _cid(child) in shown)]
    return any(has_attachment(octets, child) for child in children)


def _may_be_shown(part: Part) -> bool:
    """Whether it says that it is an attachment, and may be shown by HTML all the same."""
    mime = part.mime
    disposition = mime.disposition
    return (
        mime.media_type in _MEDIA
        and disposition is not None
        and disposition.type == "attachment"
        and bool(part.content_id)
    )


def _cid(part: Part) -> str:
    ids = message_ids(part.content_id or b"")
    return ids[0] if ids else ""


def _shown(octets: bytes, related: Part) -> set[str]:
    """The Content-IDs that the first HTML in it refers to (RFC 2392 §2)."""
    html = next((part for part in related.walk() if part.mime.content_type == "text/html"), None)
    if html is None:
        return set()
    written = "".join(text.part_pieces(octets, html, MAX_HTML_OCTETS))
    return {unquote(cid) for cid in _CID.findall(written)}


def _is_attachment(mime: MimeFields) -> bool:
    disposition = mime.disposition
    if disposition is not None and disposition.type == "attachment":
        return True
    match mime.media_type:
        case "text" | "multipart":
            return False
        case "image" | "audio" | "video":  # inline if it has such a disposition or a Content-ID to refer to
            return disposition is None and mime.header.first("content-id") is None
        case "message":
            return mime.subtype in {"rfc822", "global"}
        case _:  # signatures and the like are processed by the mail program
            return mime.subtype not in {
                "pgp-signature",
                "pkcs7-signature",
                "x-pkcs7-signature",
                "pgp-encrypted",
            }


_is_attachment_cached = lru_cache(maxsize=512)(_is_attachment)
