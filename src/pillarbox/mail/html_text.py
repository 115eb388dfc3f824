"""The words of HTML, for searching and listing: not safe to show as HTML.

`words` takes the text in pieces and keeps little of it: each step below holds back what the next piece may complete,
and what it removes it does not keep. The result does not depend on where the text was cut, unless a character reference
has more than `_ENTITY_REACH` characters.
"""

import html
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

_REACH: Final = 16
"""Characters, more than the beginning of any element has that is looked for."""
_ENTITY_REACH: Final = 64
"""Characters, more than any character reference has that stands for something."""
_MAX_CLOSING_SPACES: Final = 100

_UNSEEN: Final = re.compile(r"<!--|<(script|style|title)\b", re.IGNORECASE)
_END_OF_UNSEEN: Final = {"": re.compile("-->")} | {
    name: re.compile(rf"</{name}\s{{0,{_MAX_CLOSING_SPACES}}}>", re.IGNORECASE)
    for name in ("script", "style", "title")
}
_END_REACH: Final = _MAX_CLOSING_SPACES + _REACH

_BLOCKS: Final = (
    "address|article|aside|blockquote|br|center|dd|div|dl|dt|fieldset|figcaption|figure|footer|form|h[1-6]|header|hr"
    "|li|main|nav|ol|option|p|pre|section|summary|table|tbody|td|tfoot|th|thead|tr|ul"
)


def _any_block() -> str:
    """A pattern for the names, by their first letters: of other elements, a branch fails at its first character."""
    rests: dict[str, list[str]] = {}
    for name in _BLOCKS.split("|"):
        rests.setdefault(name[0], []).append(name[1:])
    branches = (f"[{first}{first.upper()}](?i:{'|'.join(rest)})" for first, rest in rests.items())
    return f"</?(?:{'|'.join(branches)})"


_BLOCK: Final = _any_block()
_BLOCK_TAG: Final = re.compile(rf"{_BLOCK}(?:[\s/][^>]*)?>")
_BLOCK_OPENING: Final = re.compile(rf"{_BLOCK}(?:[\s/]|\Z)")
_TAG: Final = re.compile(r"<[a-zA-Z/!?][^>]*>")
_TAG_OPENING: Final = re.compile(r"<[a-zA-Z/!?]")


def words(pieces: Iterable[str]) -> Iterator[str]:
    """The words of HTML on one line: some text, perhaps none, for each piece."""
    seen = _without_unseen(pieces)
    lines = _without_tags(seen, _BLOCK_TAG, _BLOCK_OPENING, " ")
    return _on_one_line(_unescaped(_without_tags(lines, _TAG, _TAG_OPENING, "")))


def words_of(text: str) -> str:
    """`words` of a text that is here as a whole."""
    if _UNSEEN.search(text):
        text = "".join(_without_unseen((text,)))
    text = _without_tags_of(text, _BLOCK_TAG, _BLOCK_OPENING, " ")
    text = _without_tags_of(text, _TAG, _TAG_OPENING, "")
    return " ".join((_unescape(text) if "&" in text else text).split())


def _without_tags_of(text: str, tag: re.Pattern[str], opening: re.Pattern[str], instead: str) -> str:
    closed = text.rfind(">") + 1
    unclosed = opening.search(text, closed)
    rest = text[closed : unclosed.start()] + instead if unclosed else text[closed:]
    return tag.sub(instead, text[:closed]) + rest


def _without_unseen(pieces: Iterable[str]) -> Iterator[str]:
    """Without comments, scripts, style sheets and titles; one that is not closed extends to the end."""
    held, end_of = "", None
    for piece in chain(pieces, (None,)):
        text, at = held + (piece or ""), 0
        certain = len(text) if piece is None else len(text) - _REACH
        kept = []
        while True:
            if end_of is not None:
                if end := end_of.search(text, at):
                    at, end_of = end.end(), None
                    continue
                at = max(at, len(text) - _END_REACH)
                break
            begin = _UNSEEN.search(text, at)
            if begin is None or begin.start() > certain:
                kept.append(text[at : max(at, certain)])
                at = max(at, certain)
                break
            kept.append(text[at : begin.start()])
            at, end_of = begin.end(), _END_OF_UNSEEN[(begin[1] or "").lower()]
        held = text[at:]
        yield "".join(kept)


def _without_tags(
    pieces: Iterable[str], tag: re.Pattern[str], opening: re.Pattern[str], instead: str
) -> Iterator[str]:
    """With something else instead of each tag; one that is not closed extends to the end."""
    held, is_open = "", False
    for piece in chain(pieces, (None,)):
        text = held + (piece or "")
        closed = text.rfind(">") + 1
        start = text.find(">") + 1 if is_open else 0
        if is_open and not start:
            yield ""
            continue
        rest = text[closed:]
        certain = len(rest) if piece is None else len(rest) - _REACH
        begin = opening.search(rest)
        is_open = begin is not None and begin.start() <= certain
        end = begin.start() if begin is not None and is_open else max(certain, 0)
        held = "" if is_open else rest[end:]
        yield tag.sub(instead, text[start:closed]) + rest[:end] + (instead if is_open else "")


def _unescaped(pieces: Iterable[str]) -> Iterator[str]:
    held = ""
    for piece in chain(pieces, (None,)):
        text = held + (piece or "")
        begun = -1 if piece is None else text.rfind("&", max(len(text) - _ENTITY_REACH, 0))
        text, held = (text, "") if begun < 0 else (text[:begun], text[begun:])
        yield _unescape(text) if "&" in text else text


def _unescape(text: str) -> str:
    try:
        return html.unescape(text)
    except ValueError:  # a numeric reference of thousands of digits
        return text


def _on_one_line(pieces: Iterable[str]) -> Iterator[str]:
    begun = is_apart = False
    for text in pieces:
        found = text.split()
        if not found:
            is_apart = is_apart or bool(text)
            yield ""
            continue
        yield (" " if begun and (is_apart or text[0].isspace()) else "") + " ".join(found)
        begun, is_apart = True, text[-1].isspace()
