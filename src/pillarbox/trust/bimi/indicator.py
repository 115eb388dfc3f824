"""Whether an image is an SVG Tiny PS (draft-svg-tiny-ps-abrotman): vectors and text that refer to nothing outside.

Only elements that draw are allowed; what is not listed here is refused, so that an image has no script, no style
sheet, no picture inside, no link, no animation. Documents with a DTD are refused before they are parsed, so no entity
is ever defined, and a `use` that would multiply elements without end is counted out.
"""

import re
import zlib
from typing import Final
from xml.parsers import expat

MAX_OCTETS: Final = 32 * 1024
"""Of an image, compressed or not (§7.6)."""
MAX_ELEMENTS: Final = 2_000
MAX_DEPTH: Final = 32
MAX_ATTRIBUTES: Final = 64
"""Of one element."""
MAX_DRAWN_ELEMENTS: Final = 20_000
"""Elements after each `use` stands for what it refers to."""

_GZIP: Final = b"\x1f\x8b"
_SVG: Final = "http://www.w3.org/2000/svg"
_XLINK: Final = "http://www.w3.org/1999/xlink"
_XML: Final = "http://www.w3.org/XML/1998/namespace"
_ELEMENTS: Final = frozenset(
    {
        *("svg", "title", "desc", "defs", "g", "use"),
        *("path", "rect", "circle", "line", "ellipse", "polyline", "polygon"),
        *("text", "tspan", "textArea", "tbreak"),
        *("linearGradient", "radialGradient", "stop", "solidColor"),
    }
)
_QUALIFIED: Final = frozenset(
    {f"{_XLINK} {name}" for name in ("href", "title", "type", "role", "show", "actuate")}
    | {f"{_XML} {name}" for name in ("space", "lang", "id")}
)
_NOT_IN_PROFILE: Final = frozenset({"style", "class", "href", "base", "src"})
_DECLARATION: Final = re.compile(rb"<!(?:DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)", re.IGNORECASE)
_REFERENCE: Final = re.compile(r"#[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_URL: Final = re.compile(r"url\s{0,9}\((?!\s{0,9}['\"]?#)")
_FOREIGN: Final = re.compile(
    r"(?:javascript|data|vbscript|https?|ftp|file)\s{0,9}:|//|\\|(?:image|image-set|src|cross-fade|element|paint)\("
)
"""Addresses; and other ways of CSS to say `url(`: with escapes, and functions that take an address as a string."""


class _NotAllowed(Exception):
    pass


def unpacked(octets: bytes) -> bytes | None:
    """The image without compression; None where it is no gzip file, or too large."""
    if not octets.startswith(_GZIP):
        return octets if len(octets) <= MAX_OCTETS else None
    unpacker = zlib.decompressobj(wbits=31)
    try:
        image = unpacker.decompress(octets, MAX_OCTETS + 1)
    except zlib.error:
        return None
    return image if unpacker.eof and len(image) <= MAX_OCTETS else None


def problem(image: bytes) -> str:
    """Why an image is not shown, in words; empty for one that may be."""
    if len(image) > MAX_OCTETS:
        return f"the image has more than {MAX_OCTETS} octets"
    if b"\0" in image or _DECLARATION.search(image):
        return "the image has a document type declaration"
    try:
        image.decode()
    except UnicodeDecodeError:
        return "the image is not in UTF-8"
    reader = _Reader()
    try:
        reader.read(image)
    except _NotAllowed as why:
        return str(why)
    except expat.ExpatError as error:
        return f"the image is no XML: {expat.errors.messages[error.code]}"
    return reader.problem()


class _Reader:
    """Reads one image, element by element."""

    def __init__(self) -> None:
        self.elements = 0
        self.title = ""
        self.path: list[str] = []
        self.ids: list[str] = []
        """Of the elements around."""
        self.uses: dict[str, dict[str, int]] = {"": {}}
        """By the id of an element, how often those inside refer to an id; by "" for the whole image."""
        self.sizes: dict[str, int] = {"": 0}

    def read(self, image: bytes) -> None:
        parser = expat.ParserCreate("utf-8", " ")
        parser.buffer_text = True
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.text
        parser.ProcessingInstructionHandler = self.instruction
        parser.StartDoctypeDeclHandler = self.declaration
        parser.Parse(image, True)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, element = name.rpartition(" ")
        self.elements += 1
        if self.elements > MAX_ELEMENTS or len(self.path) >= MAX_DEPTH or len(attributes) > MAX_ATTRIBUTES:
            raise _NotAllowed("the image has too many elements")
        if namespace != _SVG or element not in _ELEMENTS or (element == "svg") != (not self.path):
            raise _NotAllowed(f"the image has an element that is not allowed: {element[:40]}")
        if element == "svg":
            self.root(attributes)
        for key, value in attributes.items():
            _check_attribute(key, value.lower())
        self.path.append(element)
        self.count(attributes)

    def root(self, attributes: dict[str, str]) -> None:
        if attributes.get("baseProfile") != "tiny-ps" or attributes.get("version") != "1.2":
            raise _NotAllowed('the image is not of version="1.2" and baseProfile="tiny-ps"')
        if "x" in attributes or "y" in attributes:
            raise _NotAllowed("the image has a position")

    def count(self, attributes: dict[str, str]) -> None:
        """Note the element for all elements with an id around it, and what it refers to."""
        own = attributes.get("id") or attributes.get(f"{_XML} id") or ""
        if own in self.sizes:
            if own:
                raise _NotAllowed("the image has an id twice")
        else:
            self.sizes[own], self.uses[own] = 0, {}
        self.ids.append(own)
        target = attributes.get(f"{_XLINK} href", "")[1:] if self.path[-1] == "use" else ""
        for around in {"", *self.ids}:
            self.sizes[around] += 1
            if target:
                self.uses[around][target] = self.uses[around].get(target, 0) + 1

    def end(self, _name: str) -> None:
        self.path.pop()
        self.ids.pop()

    def text(self, text: str) -> None:
        if self.path == ["svg", "title"]:
            self.title += text

    def instruction(self, _target: str, _data: str) -> None:
        raise _NotAllowed("the image has a processing instruction")

    def declaration(self, *_: object) -> None:
        raise _NotAllowed("the image has a document type declaration")

    def problem(self) -> str:
        if not self.title.strip():
            return "the image has no title"
        drawn: dict[str, int] = {}
        if self.drawn("", drawn, 0) > MAX_DRAWN_ELEMENTS:
            return "the image repeats its elements too often"
        return ""

    def drawn(self, owner: str, known: dict[str, int], depth: int) -> int:
        """Elements of `owner` after each use stands for what it refers to, or some more than the limit."""
        if depth > MAX_DEPTH:
            return MAX_DRAWN_ELEMENTS + 1
        if owner not in known:
            known[owner] = MAX_DRAWN_ELEMENTS + 1  # what it is where an element refers to itself
            size = self.sizes[owner]
            for target, times in self.uses[owner].items():
                if target in self.sizes:
                    size += times * self.drawn(target, known, depth + 1)
            known[owner] = min(size, MAX_DRAWN_ELEMENTS + 1)
        return known[owner]


def _check_attribute(key: str, value: str) -> None:
    if " " in key:
        allowed = key in _QUALIFIED
        if key == f"{_XLINK} href":
            allowed = bool(_REFERENCE.fullmatch(value))
    else:
        allowed = not key.lower().startswith("on") and key not in _NOT_IN_PROFILE
    if not allowed:
        raise _NotAllowed(f"the image has an attribute that is not allowed: {key.rpartition(' ')[2][:40]}")
    if " " not in key and (_URL.search(value) or _FOREIGN.search(value)):
        raise _NotAllowed("the image refers to something outside of it")
