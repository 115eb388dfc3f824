import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.mail.address import Address
from pillarbox.protocol.smtp.path import (
    MAX_PATH_OCTETS,
    NULL,
    POSTMASTER,
    InvalidPath,
    PathTooLong,
    read_forward_path,
    read_reverse_path,
    written,
)


@pytest.mark.parametrize(
    ("text", "local", "domain"),
    [
        ("<a@example.org>", "a", "example.org"),
        ("<a.b+c=d/e@example.org>", "a.b+c=d/e", "example.org"),
        ('<"a b"@example.org>', "a b", "example.org"),
        ('<"a\\"b"@example.org>', 'a"b', "example.org"),
        ('<"a@b"@example.org>', "a@b", "example.org"),
        ('<"<>"@example.org>', "<>", "example.org"),
        ("<a@[192.0.2.1]>", "a", "[192.0.2.1]"),
        ("<a@[IPv6:2001:db8::1]>", "a", "[IPv6:2001:db8::1]"),
        ("<jörg@bücher.example>", "jörg", "bücher.example"),
        ("<a..b.@example.org>", "a..b.", "example.org"),
        ("<a@my_host.example>", "a", "my_host.example"),
        ("a@example.org", "a", "example.org"),
    ],
)
def test_addresses(text: str, local: str, domain: str) -> None:
    assert read_forward_path(text) == (Address(local, domain), "")
    assert read_reverse_path(text + " SIZE=1") == (Address(local, domain), " SIZE=1")


@pytest.mark.rfc("5321 §4.1.1.3", "MUST")
@pytest.mark.parametrize("route", ["@a.example:", "@a.example,@b.example:"])
def test_a_source_route_is_recognized_and_ignored(route: str) -> None:
    assert read_forward_path(f"<{route}user@d.example>")[0] == Address("user", "d.example")
    assert read_reverse_path(f"<{route}user@d.example>")[0] == Address("user", "d.example")


def test_the_null_reverse_path_is_a_value_of_its_own() -> None:
    assert read_reverse_path("<> BODY=7BIT") == (NULL, " BODY=7BIT")
    assert written(NULL) == "<>"
    with pytest.raises(InvalidPath):
        read_forward_path("<>")


@pytest.mark.rfc("5321 §4.5.1", "MUST")
@pytest.mark.parametrize("text", ["<postmaster>", "<Postmaster>", "<POSTMASTER>"])
def test_postmaster_needs_no_domain_as_a_recipient_only(text: str) -> None:
    assert read_forward_path(text) == (POSTMASTER, "")
    with pytest.raises(InvalidPath):
        read_reverse_path(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "<", ">", "<a>", "<@>", "<a@>", "<@example.org>", "<a@b@c>", "<a b@example.org>", "<a@exa mple>",
        "<a@example..org>", "<a@.example>", "<a@-example.org>", "<a@[300.1.1.1]>", "<a@[IPv6:zz]>", "<a@[]>",
        '<"a@example.org>', '<"a"b@example.org>', "<a@example.org", "a@example.org>",
        "a", "<a,b@example.org>",
        f"<a@{'x' * 64}.example>",
    ],
)  # fmt: skip
def test_what_is_no_path(text: str) -> None:
    with pytest.raises(InvalidPath):
        read_forward_path(text)
    with pytest.raises(InvalidPath):
        read_reverse_path(text)


def test_a_path_has_a_limit() -> None:
    with pytest.raises((PathTooLong, InvalidPath)):
        read_forward_path(f"<{'a' * 300}@{'b.' * 120}example>")
    with pytest.raises(PathTooLong):
        read_forward_path(f"<@{'a.' * MAX_PATH_OCTETS}b:user@d.example>")


@given(st.text(max_size=60))
def test_reading_raises_nothing_else(text: str) -> None:
    for read in (read_forward_path, read_reverse_path):
        try:
            path, rest = read(text)
        except (InvalidPath, PathTooLong):
            continue
        assert text.endswith(rest)
        if isinstance(path, Address):
            assert read(written(path)) == (path, "")
