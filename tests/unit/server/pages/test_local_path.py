"""Nobody is led from the sign-in page to another server."""

import pytest

from pillarbox.server.pages.local_path import MAX_CHARACTERS, local_path, with_query


@pytest.mark.parametrize(
    "to",
    ["/", "/account", "/account/devices?done=ended", "/mail/inbox/7#top", "/a//b", "/a:b", "/%2F%2Fevil"],
)
def test_paths_of_this_server(to: str) -> None:
    assert local_path(to, otherwise="/home") == to


@pytest.mark.parametrize(
    "to",
    [
        "",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/a\\..\\..\\evil",
        "https://evil.example/",
        "https:evil.example",
        "https:",
        "javascript:alert(1)",
        "evil.example",
        " /account",
        "/\t/evil.example",
        "/\n/evil.example",
        "/account\r\nSet-Cookie: a=b",
        "/\x00/evil",
        "/ä",
        "/ /evil.example",
        "/" + "a" * MAX_CHARACTERS,
    ],
)
def test_everything_else_leads_home(to: str) -> None:
    assert local_path(to, otherwise="/home") == "/home"


def test_a_query_is_escaped() -> None:
    assert with_query("/sign-in", to="/a?b=c&d", note="") == "/sign-in?to=%2Fa%3Fb%3Dc%26d"
    assert with_query("/sign-in", to="") == "/sign-in"
