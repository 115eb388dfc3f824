"""textBody, htmlBody and attachments: what of a message is shown and what is offered (RFC 8621 §4.1.4)."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from pillarbox.protocol.jmap.email.body_part import BodyPart

_MEDIA: Final = ("image", "audio", "video")


class BodyLists(Struct, frozen=True, eq=False):
    """The parts of a message, by what they are for; a part may be in several lists."""

    text_body: list[BodyPart]
    html_body: list[BodyPart]
    attachments: list[BodyPart]


def body_lists(root: BodyPart) -> BodyLists:
    """The lists of a message, by the algorithm that RFC 8621 suggests."""
    found = BodyLists([], [], [])
    _sort((root,), "mixed", False, found, found.text_body, found.html_body)
    return found


def _sort(
    parts: Sequence[BodyPart],
    multipart: str,
    in_alternative: bool,
    found: BodyLists,
    text_body: list[BodyPart] | None,
    html_body: list[BodyPart] | None,
) -> None:
    """Sort the parts of a multipart; a list that is None gets nothing more, since an alternative is in the other."""
    texts = len(text_body) if text_body is not None else -1
    htmls = len(html_body) if html_body is not None else -1
    for place, part in enumerate(parts):
        if part.number is None:
            within = in_alternative or part.part.subtype == "alternative"
            _sort(part.subparts, part.part.subtype, within, found, text_body, html_body)
        elif not _is_inline(part, place, multipart):
            found.attachments.append(part)
        elif multipart == "alternative":
            _sort_alternative(part, found, text_body, html_body)
        else:
            if in_alternative and part.type == "text/plain":
                html_body = None
            if in_alternative and part.type == "text/html":
                text_body = None
            if text_body is not None:
                text_body.append(part)
            if html_body is not None:
                html_body.append(part)
            is_media = part.part.media_type in _MEDIA
            # The algorithm loses what is in neither list, where the definition of attachments has it
            if (text_body is None and html_body is None) or (
                is_media and (text_body is None or html_body is None)
            ):
                found.attachments.append(part)
    if multipart == "alternative" and text_body is not None and html_body is not None:
        if len(text_body) == texts and len(html_body) != htmls:
            text_body += html_body[htmls:]
        elif len(html_body) == htmls and len(text_body) != texts:
            html_body += text_body[texts:]


def _is_inline(part: BodyPart, place: int, multipart: str) -> bool:
    """Whether it is part of the body rather than an attachment."""
    is_media = part.part.media_type in _MEDIA
    if part.disposition == "attachment" or not (is_media or part.type in ("text/plain", "text/html")):
        return False
    # Of a multipart/related only the first; and a text with a name that comes later is likely a file
    return place == 0 or (multipart != "related" and (is_media or not part.part.filename))


def _sort_alternative(
    part: BodyPart, found: BodyLists, text_body: list[BodyPart] | None, html_body: list[BodyPart] | None
) -> None:
    """A part that stands in a multipart/alternative itself.

    Where one of the lists is None, an alternative is in the text of another: the RFC does not say what becomes of it.
    """
    wanted = {"text/plain": text_body, "text/html": html_body}.get(part.type)
    (found.attachments if wanted is None else wanted).append(part)
