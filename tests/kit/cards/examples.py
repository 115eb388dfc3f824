"""The examples of RFC 9553 and RFC 9555, as they stand in the texts beside the checkout."""

import json
import re
import textwrap
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from tests.kit.paths import SHARED

_CAPTION = re.compile(r"\s*Figure (\d+): ")
_PROPERTY = re.compile(r"(?:[A-Za-z0-9]+\.)?(?:[A-Z][A-Z-]+|X-ABLabel)[;:]")


class Example(Struct):
    """One figure: properties of a vCard, of a Card, or both."""

    figure: int
    vcard: bytes
    """Content lines, without BEGIN and END."""
    text: str
    """JSON, without the braces around it perhaps."""

    def card(self) -> dict[str, Any]:
        """The JSON, without what stands for things left out."""
        text = self.text.replace("...,", "").replace("...\n", "\n").strip().rstrip(",")
        text = re.sub(r",(\s*})", r"\1", text)
        found: dict[str, Any] = json.loads(text if text.startswith("{") else f"{{{text}}}")
        return found


def rfc_text(number: int) -> str | None:
    """The text of an RFC; None where there is none beside the checkout."""
    path = SHARED / "rfc" / f"rfc{number}.txt"
    return path.read_text() if path.exists() else None


def examples(number: int) -> list[Example]:
    """The figures of an RFC that have JSON or vCard properties, in their order; none where its text is missing."""
    found: list[Example] = []
    code: list[str] = []
    for paragraph in re.split(r"\n\s*\n", rfc_text(number) or ""):
        caption = _CAPTION.match(paragraph)
        if caption is not None:
            if code:
                found.append(_example(int(caption[1]), code))
            code = []
            continue
        lines = textwrap.dedent(paragraph.strip("\n"))
        if lines.startswith(('"', "{")) or _PROPERTY.match(lines):
            code.append(lines)
        elif not code or not paragraph.startswith("      "):
            code = []
    return found


def _example(figure: int, code: list[str]) -> Example:
    vcard: list[str] = []
    text: list[str] = []
    into = text
    for line in _lines(code):
        if line[:1] not in (" ", ""):
            into = text if line[0] in '"{}[]' else vcard
        into.append(line)
    return Example(figure, "\r\n".join(vcard).encode(), "\n".join(text))


def _lines(code: list[str]) -> Iterator[str]:
    for paragraph in code:
        yield from paragraph.split("\n")


# --- content lines that stand in the text by themselves: RFC 2426, RFC 6350, RFC 9554

_LINE = re.compile(
    r"( {5,})((?:[a-z0-9]+\.)?[A-Z][A-Z0-9-]+(?:;[A-Z-]+=[^:]*|;[A-Z-]+=\"[^\"]*\"[^:]*)*:\S.*)"
)
_FRAME = ("BEGIN:", "END:", "VERSION:")
_FURNITURE = re.compile(r"\f|Perreault |RFC 6350 |Dawson|RFC 2426 ")


def content_lines(number: int) -> list[bytes]:
    """The lines of an RFC's examples, with their folds; whole cards without what begins and ends them."""
    found: list[list[str]] = []
    indent = 0
    for line in (rfc_text(number) or "").split("\n"):
        if _FURNITURE.match(line):
            continue
        begun = _LINE.fullmatch(line)
        if begun is not None:
            found.append([begun[2]])
            indent = len(begun[1])
        elif line.strip() and found and indent and len(line) - len(line.lstrip()) > indent:
            found[-1].append(" " + line.strip())
        else:
            indent = 0
    return ["\r\n".join(lines).encode() for lines in found if not lines[0].startswith(_FRAME)]
