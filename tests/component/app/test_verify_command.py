"""`pillarbox verify`, without an installation and without a name server."""

import json
from pathlib import Path

import pytest

from tests.kit.command_line import CommandLine
from tests.kit.signed_mail import MESSAGE

NOBODY = "127.0.0.1:1"
"""Where no name server listens."""


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path / "none.toml", tmp_path / "none")


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "a.eml"
    path.write_bytes(MESSAGE.replace(b"\r\n", b"\n"))
    return str(path)


def test_a_file_is_told_of(line: CommandLine, file: str) -> None:
    text = line.text("verify", file, "--dns", NOBODY)
    assert (
        "Client    192.0.2.1, which called itself a.example (so says the Received field of b.example)" in text
    )
    assert "Sender    unknown" in text
    assert "SPF       unknown" in text
    assert "SPF HELO  temperror" in text
    assert "DKIM      none: it is not signed" in text


def test_what_is_given_counts_more(line: CommandLine, file: str) -> None:
    given = ("--ip", "::ffff:198.51.100.1", "--helo", "h.example", "--mail-from", "<joe@m.example>")
    found = line.json("verify", file, "--dns", "127.0.0.1:1", *given)
    assert found["client"] == {
        "ip": "198.51.100.1",
        "helo": "h.example",
        "mail_from": "joe@m.example",
        "source": "",
    }
    assert (found["spf"]["result"], found["spf"]["domain"]) == ("temperror", "m.example")


def test_the_sender_is_not_known_where_only_the_client_is_given(line: CommandLine, file: str) -> None:
    given = ("--dns", "127.0.0.1:1", "--ip", "198.51.100.1")
    found = line.json("verify", file, *given)
    assert (found["client"]["mail_from"], found["spf"]) == (None, None)
    assert "unknown (give it: --mail-from)" in line.text("verify", file, *given)


def test_a_message_comes_from_standard_input(line: CommandLine) -> None:
    text = line.text("verify", "-", "--dns", "[::1]:1", typed="Subject: hi\n\nhello\n")
    assert "There is no From field" in text


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--ip", "nobody"), '"--ip" is no IP address'),
        (("--dns", "localhost"), '"--dns" is no IP address'),
        (("--dns", "127.0.0.1:0"), '"--dns" has no valid port'),
        (("--dns", "[::1]:99999999"), '"--dns" has no valid port'),
    ],
)
def test_what_cannot_be_meant_is_refused(
    line: CommandLine, file: str, words: tuple[str, ...], says: str
) -> None:
    assert says in line.refused("verify", file, *words)


def test_options_are_for_a_file(line: CommandLine) -> None:
    assert "Options are for a FILE" in line.refused("verify", "--ip", "192.0.2.1", code=2, typed="")
    assert "does not exist" in line.refused("verify", "/nonexistent", code=2)


def test_lines_are_answered_in_their_order(line: CommandLine) -> None:
    asked = ['{"op": "psl", "domain": "a.b.example"}', "x", '{"op": "psl", "domain": "c.example"}']
    answers = [json.loads(each) for each in line.text("verify", typed="\n".join(asked)).splitlines()]
    assert [answer.get("result") for answer in answers] == ["b.example", None, "c.example"]
    assert "error" in answers[1]
