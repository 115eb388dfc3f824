"""The language of transcripts itself, against a server that sends given lines."""

import textwrap
from pathlib import Path

import pytest

from tests.transcripts import script as scripts
from tests.transcripts.runner import Mismatch, Player


class Parrot:
    """A wire whose server sends the next of its lines whenever the client has sent something."""

    def __init__(self, *says: bytes) -> None:
        self.says = list(says)
        self.received: list[bytes] = []
        self.secure = self.closed = False

    def send(self, octets: bytes) -> None:
        self.received.append(octets)

    def receive(self, seconds: float) -> bytes | None:
        return self.says.pop(0) if self.says else b""

    def start_tls(self) -> None:
        self.secure = True

    def close(self) -> None:
        self.closed = True


def play(tmp_path: Path, text: str, *says: bytes, service: str = "pop3") -> Parrot:
    path = tmp_path / "script.txt"
    path.write_text(f"title: a test\nservice: {service}\n\n" + textwrap.dedent(text), "utf-8")
    parrot = Parrot(*says)
    values = {"u0": b"ann", "password": b"secret"}
    Player(scripts.read(path), {service: lambda: parrot}, values).play()
    assert parrot.closed
    return parrot


def test_what_the_client_sends(tmp_path: Path) -> None:
    parrot = play(
        tmp_path,
        "C: USER ${u0}\nC- half\nC:\nC: ${base64 \\0$u0\\0$password}\nC: ${\\x00\\r\\n}{5} $Forwarded",
    )
    assert parrot.received == [
        b"USER ann\r\n",
        b"half",
        b"\r\n",
        b"AGFubgBzZWNyZXQ=\r\n",
        b"\0\r\n{5} $Forwarded\r\n",
    ]


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        ("+OK${*}", b"+OK"),
        ("+OK${*}", b"+OK really [fine]"),
        ("${#} EXISTS", b"12 EXISTS"),
        ("a ${/b+/} c", b"a bbb c"),
        ("${/[a-z]{2,3}/}!", b"abc!"),
        (r"\Seen (a.b)*", rb"\Seen (a.b)*"),
        ("${u0}", b"ann"),
        ("${u0.size}", b"3"),
        ("", b""),
    ],
)
def test_patterns_that_match(tmp_path: Path, pattern: str, line: bytes) -> None:
    play(tmp_path, f"S: {pattern}" if pattern else "S:", line + b"\r\n")


@pytest.mark.parametrize(
    ("pattern", "line"), [("+OK", b"+OK "), ("a.c", b"abc"), ("${#}", b"x"), ("${u0}", b"bob"), ("x", b"")]
)
def test_patterns_that_do_not(tmp_path: Path, pattern: str, line: bytes) -> None:
    with pytest.raises(Mismatch, match=r"script.txt:4"):
        play(tmp_path, f"S: {pattern}", line + b"\r\n")


def test_what_is_captured_is_expected_again(tmp_path: Path) -> None:
    text = "S: ${uid} is ${text:/[^.]*/}.\nS: ${uid} ${text}"
    play(tmp_path, text, b"7 is all well.\r\n", b"7 all well\r\n")
    with pytest.raises(Mismatch):
        play(tmp_path, text, b"7 is all well.\r\n", b"8 all well\r\n")


def test_twice_in_one_line(tmp_path: Path) -> None:
    play(tmp_path, "S: ${a} ${a}", b"1 1\r\n")
    with pytest.raises(Mismatch):
        play(tmp_path, "S: ${a} ${a}", b"1 2\r\n")


def test_any_order(tmp_path: Path) -> None:
    text = "U: a ${x}\nU: b\nS: end"
    play(tmp_path, text, b"b\r\na 1\r\nend\r\n")
    play(tmp_path, text, b"a 1\r\nb\r\nend\r\n")
    with pytest.raises(Mismatch):
        play(tmp_path, text, b"a 1\r\na 2\r\nend\r\n")


def test_skipping_and_never(tmp_path: Path) -> None:
    text = "S! bad ${*}\nS* end\nS: more"
    play(tmp_path, text, b"one\r\ntwo\r\nend\r\nmore\r\n")
    with pytest.raises(Mismatch):
        play(tmp_path, text, b"one\r\nbad thing\r\nend\r\nmore\r\n")


def test_perhaps(tmp_path: Path) -> None:
    play(tmp_path, "S? maybe\nS: sure", b"maybe\r\nsure\r\n")
    play(tmp_path, "S? maybe\nS: sure", b"sure\r\n")


def test_blocks(tmp_path: Path) -> None:
    text = "== letter\nSubject: x\n\nbody\n==\nS: ${letter}\nS: .\nC: ${letter.size}"
    parrot = play(tmp_path, text, b"Subject: x\r\n\r\nbody\r\n.\r\n")
    assert parrot.received == [b"18\r\n"]


def test_literals_belong_to_their_line(tmp_path: Path) -> None:
    text = "S: * 1 FETCH (BODY[] {${#}}${\\r\\n}a${\\r\\n}b FLAGS ())\nS: x OK"
    play(tmp_path, text, b"* 1 FETCH (BODY[] {4}\r\na\r\nb FLAGS ())\r\nx OK\r\n", service="imap")


def test_the_end(tmp_path: Path) -> None:
    play(tmp_path, "S: bye\n! end", b"bye\r\n")
    with pytest.raises(Mismatch):
        play(tmp_path, "S: bye\n! end", b"bye\r\nand more\r\n")


def test_silence_and_tls(tmp_path: Path) -> None:
    assert play(tmp_path, "! silent\n! tls").secure
    with pytest.raises(Mismatch):
        play(tmp_path, "! silent", b"chatter\r\n")


@pytest.mark.parametrize("text", ["S: a\nlate: head", "nonsense", "S. a"])
def test_an_invalid_transcript_fails(tmp_path: Path, text: str) -> None:
    with pytest.raises(AssertionError):
        play(tmp_path, text, b"a\r\n")
