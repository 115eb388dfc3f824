"""Octets to vCards."""

import codecs
from collections.abc import Iterator
from typing import Final

from pillarbox.cards.vcard import older
from pillarbox.cards.vcard.card import BadCard, Property, VCard
from pillarbox.cards.vcard.content_line import Content, Malformed, parse
from pillarbox.cards.vcard.limits import DEFAULT, Limits
from pillarbox.cards.vcard.lines import Line, content_lines, is_begin, is_end
from pillarbox.cards.vcard.values import without_controls

_STEP_PROPERTIES: Final = 32
_STEP_OCTETS: Final = 16 * 1024


def read(octets: bytes, limits: Limits = DEFAULT) -> list[VCard | BadCard]:
    """The cards of a file in its order: for each that cannot be read, why. Raises nothing."""
    return [card for card in pieces(octets, limits) if card is not None]


def pieces(octets: bytes, limits: Limits = DEFAULT) -> Iterator[VCard | BadCard | None]:
    """As `read`, but others can run between two steps: some 16 KiB are read for each, or one long line, and None
    comes after a step that has finished no card.
    """
    if len(octets) > limits.max_octets:
        yield BadCard(1, f"The file has more than {limits.max_octets} octets")
        return
    try:
        text = _in_utf_8(octets)
    except UnicodeDecodeError:
        yield BadCard(1, "The file begins as UTF-16 and is not")
        return
    if text.count(b"\n") > limits.max_lines:
        yield BadCard(1, f"The file has more than {limits.max_lines} lines")
        return
    count = 0
    for card in _cards(text, limits):
        if card is not None:
            count += 1
        if count > limits.max_cards:
            yield BadCard(
                card.line if isinstance(card, BadCard) else 1, f"More than {limits.max_cards} cards"
            )
            return
        yield card


def _in_utf_8(octets: bytes) -> bytes:
    """Without a byte order mark; old Macintosh files have CR alone."""
    if octets.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        octets = octets.decode("utf-16").encode()
    octets = octets.removeprefix(codecs.BOM_UTF8)
    return octets.replace(b"\r", b"\n") if b"\n" not in octets else octets


class _Gathered:
    """The lines of a card until its end."""

    def __init__(self, begin: int, limits: Limits) -> None:
        self.begin = begin
        self.lines: list[Line] = []
        self.bad: BadCard | None = None
        self._octets = 0
        self._limits = limits
        self._nested: list[bytes] = []
        self._depth = 0

    def add(self, line: Line) -> None:
        """Takes a line that neither begins nor ends a card, or is of a card within this one."""
        self._octets += len(line.octets)
        if self.bad is not None:
            return
        if line.too_long:
            self._refuse(line.number, f"A line has more than {self._limits.max_line_octets} octets")
        elif self._octets > self._limits.max_card_octets:
            self._refuse(line.number, f"The card has more than {self._limits.max_card_octets} octets")
        elif self._depth:
            self._nested.append(line.octets)
        elif len(self.lines) >= self._limits.max_properties:
            self._refuse(line.number, f"The card has more than {self._limits.max_properties} properties")
        else:
            self.lines.append(line)

    def nests(self, line: Line) -> bool:
        """Whether a BEGIN is of a card within this one: AGENT of version 2.1, with the card in the lines after it."""
        if not self._depth and not self._awaits_agent():
            return False
        self._depth += 1
        if self._depth > self._limits.max_nested:
            self._refuse(line.number, "Cards within cards are too deep")
        self.add(line)
        return True

    def _awaits_agent(self) -> bool:
        last = self.lines[-1].octets.strip() if self.lines else b""
        return last[-1:] == b":" and last[:5].upper() == b"AGENT"

    def unnests(self, line: Line) -> bool:
        """Whether an END is of a card within this one."""
        if not self._depth:
            return False
        self.add(line)
        self._depth -= 1
        if not self._depth and self.bad is None:
            agent = self.lines.pop()
            text = b"\\n".join(each.replace(b"\\", b"\\\\").replace(b",", b"\\,") for each in self._nested)
            self.lines.append(Line(agent.number, agent.octets.strip() + text.replace(b";", b"\\;")))
            self._nested = []
        return True

    def _refuse(self, number: int, reason: str) -> None:
        self.bad = BadCard(number, reason)
        self.lines, self._nested = [], []


def _cards(octets: bytes, limits: Limits) -> Iterator[VCard | BadCard | None]:
    card: _Gathered | None = None
    outside = False
    for line in content_lines(octets, limits):
        if line is None:
            yield None
        elif is_begin(line.octets):
            if card is not None and card.nests(line):
                continue
            if card is not None:
                yield card.bad or BadCard(card.begin, "END:VCARD is missing")
            card, outside = _Gathered(line.number, limits), False
        elif is_end(line.octets):
            if card is None:
                yield BadCard(line.number, "END:VCARD without BEGIN:VCARD")
            elif not card.unnests(line):
                yield from _finished(card, limits)
                card = None
        elif card is not None:
            card.add(line)
        elif not outside:
            outside = True
            yield BadCard(line.number, "A line is in no card")
    if card is not None:
        yield card.bad or BadCard(card.begin, "END:VCARD is missing")


def _finished(card: _Gathered, limits: Limits) -> Iterator[VCard | BadCard | None]:
    if card.bad is not None:
        yield card.bad
        return
    version = _version(card.lines)
    if version not in older.VERSIONS:
        yield BadCard(
            card.begin, "VERSION is missing" if version is None else "VERSION is not 2.1, 3.0 or 4.0"
        )
        return
    properties: list[Property] = []
    work = 0
    for line in card.lines:
        try:
            found = older.as_property(_content(line.octets, version, limits), version)
        except Malformed as refused:
            yield BadCard(line.number, str(refused))
            return
        if found.name != "version":
            properties.append(found)
        work += len(line.octets) + _STEP_OCTETS // _STEP_PROPERTIES
        if work >= _STEP_OCTETS:
            work = 0
            yield None
    yield VCard(tuple(properties), version)


def _version(lines: list[Line]) -> str | None:
    for line in lines:
        if line.octets[:7].upper() == b"VERSION":
            return line.octets.partition(b":")[2].strip().decode("ascii", "replace")
    return None


def _content(octets: bytes, version: str, limits: Limits) -> Content:
    """A line, divided. Its charset stands in it, so some are divided twice."""
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        text = ""
    first = _parsed(text or octets.decode("latin-1"), version, limits)
    charset = first.first("charset") if version != older.V4_0 else None
    if text and (charset is None or charset.lower() in ("utf-8", "utf8")):
        return first
    return _parsed(older.decoded(octets, charset, version), version, limits)


def _parsed(text: str, version: str, limits: Limits) -> Content:
    return parse(without_controls(text), max_parameters=limits.max_parameters, carets=version != older.V2_1)
