"""`account reset-link`."""

import imaplib
import re
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from tests.component.app.test_serving_http import ServedHttp
from tests.kit.command_line import CommandLine, set_up

NEW = "quite another secret"
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
    assert re.search(r"works once, until \d{4}-\d\d-\d\d \d\d:\d\d UTC\.", said)
    assert (first["login"], first["asks_factor"], second["asks_factor"]) == ("anna@example.org", True, False)
    assert len({first["link"], second["link"]}) == 2
    for given in (first, second):
        url = urlsplit(given["link"])
        assert (url.scheme, url.query, url.fragment) == ("https", "", "")
        assert url.path.startswith("/reset/")
        assert len(url.path) == len("/reset/") + 43
    assert second["expires_at_ms"] - first["expires_at_ms"] > 22 * 3_600_000
    assert there.run("fsck").exit_code == 0


def test_links_that_are_not_made(there: CommandLine) -> None:
    assert "no account" in there.refused("account", "reset-link", "nobody")
    assert "30 days" in there.refused("account", "reset-link", "anna", "--valid", "31d")
    there.text("account", "disable", "anna")
    assert "disabled" in there.refused("account", "reset-link", "anna")
    there.text("account", "enable", "anna")
    there.config.write_text(there.config.read_text().replace(URL, ""))
    assert "'http.url'" in there.refused("account", "reset-link", "anna"), "no pages are served"


def test_a_link_ends_sessions_of_every_protocol(tmp_path: Path) -> None:
    served = ServedHttp(tmp_path)
    try:
        _used(served)
    finally:
        served.end()


def _used(served: ServedHttp) -> None:
    app = served.there.json("app-password", "add", "anna", "phone", "--scope", "mail")["password"]
    with ExitStack() as open_ones:
        own, phone = served.imap(), served.imap("anna@example.org", app)
        open_ones.callback(own.shutdown)
        open_ones.callback(phone.shutdown)
        path = _set_by_link(served, own)
        said = [own.readline()]
        while said[-1].startswith(b"* ") and not said[-1].startswith(b"* BYE"):
            said.append(own.readline())  # there is also a mail that tells of it
        assert said[-1].startswith(b"* BYE"), said
        assert phone.noop()[0] == "OK"
        served.imap("anna@example.org", NEW).shutdown()
        assert path.rpartition("/")[2] not in served.log.read_text()


def _set_by_link(served: ServedHttp, own: imaplib.IMAP4_SSL) -> str:
    there = served.there
    own.select()
    own.send(b"i IDLE\r\n")
    assert own.readline().startswith(b"+")
    there.config.write_text(there.config.read_text() + URL)
    path: str = urlsplit(there.json("account", "reset-link", "anna")["link"]).path
    host = "example.org"
    with closing(served.client()) as client:
        client.request("GET", path, headers={"Host": host})
        opened = client.getresponse()
        opened.read()
        cookie = (opened.getheader("set-cookie") or "").partition(";")[0]
        assert (opened.status, cookie.partition("=")[0]) == (303, "__Host-pillarbox-reset")
        form = urlencode({"new": NEW, "again": NEW})
        fields = {
            "Host": host,
            "Origin": f"https://{host}",
            "Cookie": cookie,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        client.request("POST", "/reset", form, fields)
        done = client.getresponse()
        done.read()
        assert (done.status, done.getheader("location")) == (303, "/reset/done?note=stays")
    return path
