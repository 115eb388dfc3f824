"""`account reset-link`."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.kit.command_line import CommandLine, set_up

URL = '\n[http]\nurl = "https://mail.example.org"\n'


@pytest.fixture
def there(tmp_path: Path) -> CommandLine:
    made, _ = set_up(tmp_path)
    with made.config.open("a") as config:
        config.write(URL)
    return made


def test_a_link_is_shown_once(there: CommandLine) -> None:
    said = there.text("account", "reset-link", "anna")
    first = there.json("account", "reset-link", "anna", "--valid", "1h")
    second = there.json("account", "reset-link", "anna", "--without-second-factor")
    assert "works once" in said
    assert (first["login"], first["asks_factor"], second["asks_factor"]) == ("anna@example.org", True, False)
    assert len({first["link"], second["link"]}) == 2
    for given in (first, second):
        url = urlsplit(given["link"])
        assert (url.scheme, url.query, url.fragment) == ("https", "", "")
        assert url.path.startswith("/reset/")
        assert len(url.path) == len("/reset/") + 43
    assert second["expires_at_ms"] - first["expires_at_ms"] > 22 * 3_600_000
    assert "sound" in there.text("fsck").lower() or not there.run("fsck").exit_code


def test_links_that_are_not_made(there: CommandLine) -> None:
    assert "no account" in there.refused("account", "reset-link", "nobody")
    assert "30 days" in there.refused("account", "reset-link", "anna", "--valid", "31d")
    there.text("account", "disable", "anna")
    assert "disabled" in there.refused("account", "reset-link", "anna")
    there.text("account", "enable", "anna")
    there.config.write_text(there.config.read_text().replace(URL, ""))
    assert "'http.url'" in there.refused("account", "reset-link", "anna"), "no pages are served"
