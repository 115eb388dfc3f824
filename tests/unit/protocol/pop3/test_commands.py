import pytest

from pillarbox.protocol.pop3.commands import (
    Auth,
    Capa,
    Command,
    Dele,
    Lang,
    List,
    Malformed,
    Pass,
    Quit,
    Retr,
    Stat,
    Top,
    Uidl,
    Unknown,
    User,
    parse,
)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b"CAPA", Capa()),
        (b"capa", Capa()),
        (b"Stat ", Stat()),
        (b"USER ann@one.example", User("ann@one.example")),
        (b"USER gr\xc3\xbcn", User("grün")),
        (b"PASS with  two spaces ", Pass("with  two spaces ")),
        (b"PASS  leading", Pass(" leading")),
        (b"AUTH plain", Auth("PLAIN")),
        (b"AUTH PLAIN =", Auth("PLAIN", b"=")),
        (b"LIST", List(None)),
        (b"LIST 1", List(1)),
        (b"UIDL 2147483647", Uidl(2147483647)),
        (b"RETR 007", Retr(7)),
        (b"DELE 3", Dele(3)),
        (b"TOP 1 0", Top(1, 0)),
        (b"LANG", Lang(None)),
        (b"LANG *", Lang("*")),
        (b"QUIT", Quit()),
        (b"", Unknown()),
        (b" QUIT", Unknown()),
        (b"XYZZY", Unknown()),
        (b"QUIT\t", Unknown()),
        (b"APOP ann 0123", Unknown()),
    ],
)
def test_lines(line: bytes, command: Command) -> None:
    assert parse(line) == command


@pytest.mark.parametrize(
    "line",
    [
        b"CAPA now",
        b"USER",
        b"USER ann bob",
        b"USER \xff",
        b"USER a\0b",
        b"PASS",
        b"PASS ",
        b"PASS \xe9",
        b"AUTH",
        b"AUTH PLAIN a b",
        b"RETR",
        b"RETR 0",
        b"RETR -1",
        b"RETR +1",
        b"RETR 1_0",
        b"RETR 1 2",
        b"RETR 2147483648",
        b"RETR 99999999999999999999999999",
        "RETR ٣".encode(),
        b"TOP 1",
        b"TOP 1 -1",
        b"TOP 0 1",
        b"LIST x",
        b"LANG a b",
    ],
)
def test_arguments_that_do_not_fit(line: bytes) -> None:
    assert isinstance(parse(line), Malformed)


def test_passwords_are_not_shown() -> None:
    assert "secret" not in repr(parse(b"PASS secret"))
    assert "secret" not in repr(parse(b"AUTH PLAIN secret"))


@pytest.mark.parametrize(
    ("line", "most"), [(b"USER %b", 512), (b"PASS %b", 1024), (b"AUTH %b", 100), (b"LANG %b", 100)]
)
def test_an_argument_has_a_limit(line: bytes, most: int) -> None:
    assert not isinstance(parse(line % (b"x" * most)), Malformed)
    assert parse(line % (b"x" * (most + 1))) == Malformed(f"Argument longer than {most} octets.")
