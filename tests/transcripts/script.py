"""A transcript as a value: its head, its blocks and its steps (README.md has the language)."""

import base64
import codecs
import re
from dataclasses import dataclass, field
from pathlib import Path

HEAD = re.compile(r"(?P<key>[a-z]+)(?: (?P<of>\w+))?: (?P<value>.+)")
STEP = re.compile(r"(?:(?P<name>(?![CSU]\b)[A-Z]\w*) )?(?P<kind>C:|C-|S:|S\?|S\*|S!|U:|!)(?: (?P<text>.*))?")
HOLE = re.compile(r"\$\{((?:/(?:[^/\\]|\\.)*/|\w+:/(?:[^/\\]|\\.)*/|[^{}])*)\}")
WORD = rb"[^ \r\n()<>\[\]]+"


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the conversation."""

    line: int
    connection: str
    kind: str
    text: str


@dataclass(slots=True)
class Script:
    """One transcript."""

    path: Path
    title: str = ""
    rfcs: list[tuple[str, str]] = field(default_factory=list)
    services: dict[str, str] = field(default_factory=dict)
    mail: dict[str, list[str]] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    only: str = ""
    blocks: dict[str, bytes] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)

    def service(self, connection: str) -> str:
        """Where this connection goes."""
        return self.services.get(connection) or self.services[""]


def read(path: Path) -> Script:
    """Parse a transcript; an assertion names the line that is not understood."""
    script = Script(path)
    lines = enumerate(path.read_text("utf-8").splitlines(), 1)
    for number, line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("== "):
            block = []
            for _, inner in lines:
                if inner == "==":
                    break
                block.append(inner)
            script.blocks[line[3:].strip()] = "\r\n".join(block).encode()
        elif step := STEP.fullmatch(line):
            connection = step["name"] or "A"
            script.steps.append(Step(number, connection, step["kind"], step["text"] or ""))
        else:
            head = HEAD.fullmatch(line)
            assert head, f"{path}:{number}: not understood: {line}"
            assert not script.steps, f"{path}:{number}: the head comes before the conversation"
            _note(script, head["key"], head["of"] or "", head["value"])
    assert script.title, f"{path}: a transcript has a title"
    assert "" in script.services, f"{path}: a transcript has a service"
    return script


def _note(script: Script, key: str, of: str, value: str) -> None:
    match key:
        case "title":
            script.title = value
        case "rfc":
            section, _, level = value.rpartition(" ")
            script.rfcs.append((section, level))
        case "service":
            script.services[of] = value
        case "mail":
            script.mail[of or "u0"] = value.split()
        case "options":
            for word in value.split():
                option, setting = word.split("=", 1)
                script.options[option] = setting
        case "only":
            script.only = value
        case _:
            raise AssertionError(f"{script.path}: no such key: {key}")


type_of_values = dict[str, bytes]


def octets(text: str, values: type_of_values) -> bytes:
    """What a client's line stands for."""
    out, at = b"", 0
    for hole in HOLE.finditer(text):
        out += text[at : hole.start()].encode() + _value(hole[1], values)
        at = hole.end()
    return out + text[at:].encode()


def pattern(text: str, values: type_of_values) -> re.Pattern[bytes]:
    """What a server's line must match; unknown names become groups of the pattern."""
    out, at = b"", 0
    seen: set[str] = set()
    for hole in HOLE.finditer(text):
        out += re.escape(text[at : hole.start()].encode()) + _piece(hole[1], values, seen)
        at = hole.end()
    return re.compile(out + re.escape(text[at:].encode()), re.DOTALL)


def _piece(inner: str, values: type_of_values, seen: set[str]) -> bytes:
    name, colon, regex = inner.partition(":/")
    if inner == "*":
        return rb"[^\r\n]*"
    if inner == "#":
        return rb"[0-9]+"
    if inner.startswith("/"):
        return b"(?:" + inner[1:-1].encode() + b")"
    if colon and name.isidentifier():
        seen.add(name)
        return f"(?P<{name}>{regex[:-1]})".encode()
    if inner in seen:
        return f"(?P={inner})".encode()
    if inner.isidentifier() and inner not in values:
        seen.add(inner)
        return f"(?P<{inner}>".encode() + WORD + b")"
    return re.escape(_value(inner, values))


def _value(inner: str, values: type_of_values) -> bytes:
    if inner.startswith("\\"):
        return _unescape(inner)
    if inner.startswith("base64 "):
        return base64.b64encode(_unescape(octets_in_base64(inner[7:], values)))
    name, dot, what = inner.partition(".")
    assert name in values, f"no value for {inner!r}"
    return str(len(values[name])).encode() if dot and what == "size" else values[name]


def octets_in_base64(text: str, values: type_of_values) -> str:
    """Names of variables in a base64 text are written `$name`."""
    return re.sub(r"\$(\w+)", lambda name: values[name[1]].decode(), text)


def _unescape(text: str) -> bytes:
    return codecs.escape_decode(text.encode())[0]
