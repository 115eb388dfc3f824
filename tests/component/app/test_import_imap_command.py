"""`pillarbox import --imap`: options, where passwords come from, and what is printed."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.command_line import CommandLine, set_up
from tests.kit.provider import PASSWORD, PEOPLE
from tests.kit.server import Server, serve


@pytest.fixture
def server() -> Iterator[Server]:
    with serve("imap") as running:
        for number in range(2):
            running.run(running.provider.deliver(0, b"Message-ID: <%d@x>\r\n\r\nwords\r\n" % number))
        yield running


@pytest.fixture
def here(tmp_path: Path) -> CommandLine:
    command, _ = set_up(tmp_path)
    return command


def words(server: Server, *more: str) -> list[str]:
    at = f"127.0.0.1:{server.ports['imap']}"
    return ["import", "anna", "--imap", at, "--insecure-no-tls", "--imap-user", PEOPLE[0], *more]


def test_what_is_printed(server: Server, here: CommandLine, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD + "\n")
    more = ("--password-file", str(secret))
    assert "INBOX" in here.text(*words(server, *more, "--list"))
    assert here.text(*words(server, *more)) == "2 messages imported from 6 mailboxes.\n"
    again = here.json(*words(server, *more))
    assert (again["imported"], again["skipped"]) == (0, [])
    assert here.json(*words(server, *more, "--again", "--mailbox", "INBOX"))["imported"] == 2


def test_the_password_is_asked_for_or_comes_from_the_environment(
    server: Server, here: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "2 messages imported" in here.text(*words(server), typed=PASSWORD + "\n")
    monkeypatch.setenv("PILLARBOX_IMAP_PASSWORD", PASSWORD)
    assert "0 messages imported" in here.text(*words(server))
    assert "0 messages imported" in here.text(*words(server, "--password-file", "-"), typed=PASSWORD + "\n")


def test_a_message_that_cannot_be_imported_is_reported_and_the_exit_code_is_1(
    server: Server, here: CommandLine, tmp_path: Path
) -> None:
    server.run(server.provider.deliver(0, b""))
    report = tmp_path / "report"
    said = here.run(*words(server, "--report", str(report)), typed=PASSWORD + "\n")
    assert said.exit_code == 1
    assert "1 could not be imported:\n  INBOX, UID 3: it is empty" in said.output
    assert report.read_text() == "INBOX, UID 3: it is empty\n"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (("--token-command", f"{sys.executable} -c 1"), "No password or token in the first line"),
        (
            ("--token-command", "/nonexistent/program 'a b'"),
            "The command for the token can't be run: No such file or directory: /nonexistent/program 'a b'",
        ),
        (("--token-command", "false"), "The command for the token failed with exit code 1: false"),
        (
            ("--token-command", "sh -c 'kill $$'"),
            "The command for the token was ended by signal 15: sh -c 'kill $$'",
        ),
        (("--token-file", "/nonexistent/token"), "No such file or directory: /nonexistent/token"),
        (("--password-file", "nonexistent"), "No such file or directory: nonexistent"),
        (("--token-command", f"{sys.executable} -c print(7)"), "No supported way to log in by tokens"),
        (("--into", "a//b", "--token-file", "x"), "--into: name has an empty level"),
    ],
)
def test_what_cannot_be_had_is_told(
    server: Server, here: CommandLine, more: tuple[str, ...], why: str
) -> None:
    assert why in here.refused(*words(server, *more))


def test_where_no_mailbox_matches_it_is_told(
    server: Server, here: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PILLARBOX_IMAP_PASSWORD", PASSWORD)
    assert "nope*: no mailbox there has such a name" in here.refused(*words(server, "--mailbox", "nope*"))
    assert "no mailbox there has such a name" in here.text(*words(server, "--mailbox", "nope*", "--list"))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (("import", "anna"), "Either PATH or --imap HOST."),
        (("import", "anna", "x", "--imap", "h"), "Either PATH or --imap HOST."),
        (("import", "anna", "x", "--delete", "--list"), "Only with --imap: --list, --delete."),
        (("import", "anna", "--imap", "h:x"), "not HOST or HOST:PORT"),
        (("import", "anna", "--imap", "h", "--token-command", " "), "--token-command is empty."),
        (("import", "anna", "--imap", "h", "--token-command", "oama 'x"), "No closing quotation: oama 'x"),
        (("import", "anna", "--imap", "h:99999"), "not HOST or HOST:PORT"),
        (("import", "anna", "--imap", "h", "--starttls", "--insecure-no-tls"), "Either --starttls or"),
        (("import", "anna", "--imap", "h", "--token-file", "a", "--password-file", "b"), "Only one of"),
    ],
)
def test_options_that_do_not_fit_together(here: CommandLine, given: tuple[str, ...], why: str) -> None:
    assert why in here.refused(*given, code=2)
