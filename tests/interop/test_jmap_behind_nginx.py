"""JMAP behind nginx, which has TLS and HTTP/2: with curl, and from a page in Chromium."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pillarbox.server.http.routes import ROUTES
from tests.interop.browser import Browser, chromium
from tests.interop.nginx import nginx
from tests.interop.programs import run
from tests.kit.certificate import certificate_file
from tests.kit.http.server import authorization, open_http
from tests.kit.provider import PASSWORD, PEOPLE
from tests.kit.server import Server

pytestmark = pytest.mark.interop
MAIL = b"From: ann@elsewhere.example\r\nSubject: news\r\n\r\nSomething happened.\r\n"
QUERY = {
    "using": ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"],
    "methodCalls": [["Email/query", {"accountId": "A1", "calculateTotal": True}, "q"]],
}


@dataclass
class Front:
    """The provider, and where nginx passes requests on to it."""

    server: Server
    url: str

    def deliver(self) -> None:
        """Something new for the first person."""
        self.server.run(self.server.provider.deliver(0, MAIL))


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    with (
        open_http(
            *ROUTES, plain_allowed=False, url="https://localhost", trusted_proxies=("127.0.0.1",)
        ) as server,
        nginx(tmp_path, upstream=server.ports["http"], authorization=authorization()) as port,
    ):
        yield Front(server, f"https://localhost:{port}")


def curl(*arguments: str) -> bytes:
    done = run("curl", "--silent", "--show-error", "--cacert", certificate_file(), "--http2", *arguments)
    return done.stdout


def test_http_2_through_a_proxy(front: Front, tmp_path: Path) -> None:
    login = ("--user", f"{PEOPLE[0]}:{PASSWORD}")
    got = curl(*login, "--location", "--write-out", "\n%{http_version}", f"{front.url}/.well-known/jmap")
    octets, _, version = got.rpartition(b"\n")
    session = json.loads(octets)
    assert version == b"2"
    assert session["apiUrl"] == f"{front.url}/jmap/api/"
    websocket = session["capabilities"]["urn:ietf:params:jmap:websocket"]
    assert websocket["url"] == front.url.replace("https", "wss") + "/jmap/ws/"

    front.deliver()
    content = ("--header", "Content-Type: application/json", "--data-binary", json.dumps(QUERY))
    ((_, found, _),) = json.loads(curl(*login, *content, session["apiUrl"]))["methodResponses"]
    assert found["total"] == 1
    assert b"401" in curl(
        "--user", f"{PEOPLE[0]}:wrong", "--output", "/dev/null", "--write-out", "%{http_code}",
        f"{front.url}/jmap/session",
    )  # fmt: skip
    octets, large = bytes(range(256)) * 40_000, tmp_path / "large"
    upload = front.url + "/jmap/upload/A1/"
    large.write_bytes(octets)
    told = json.loads(curl(*login, "--data-binary", f"@{large}", upload))
    assert told["size"] == len(octets)
    assert curl(*login, f"{front.url}/jmap/download/A1/{told['blobId']}/a.bin?accept=a/b") == octets


# A page of the proxy's own stands for a web client: no page of ours may run scripts so far. The proxy logs it in, as
# a browser's EventSource and WebSocket take no fields; sessions with cookies come with a way to sign in.


@pytest.fixture
def page(front: Front, tmp_path: Path) -> Iterator[Browser]:
    with chromium(tmp_path / "profile") as browser:
        browser.open(f"{front.url}/page.html")
        yield browser


def told(page: Browser, script: str, front: Front) -> Any:
    """What a script is told after mail has come: it sets `window.ready` and `window.told`, which are awaited."""
    page.run(script + "; await window.ready")
    front.deliver()
    return page.run("return await window.told")


def test_an_event_source_of_a_browser(front: Front, page: Browser) -> None:
    script = """
        const url = "/jmap/eventsource/?types=Email,Mailbox&closeafter=no&ping=30";
        const source = new EventSource(url);
        window.ready = new Promise((resolve) => source.addEventListener("open", resolve));
        window.told = new Promise((resolve) => source.addEventListener("state", (event) =>
          resolve({ data: JSON.parse(event.data), id: event.lastEventId })));
    """
    seen = told(page, script, front)
    assert seen["data"]["@type"] == "StateChange"
    assert set(seen["data"]["changed"]["A1"]) == {"Email", "Mailbox"}
    assert seen["id"]


def test_an_event_source_comes_back_where_it_was(front: Front, page: Browser) -> None:
    """With `closeafter=state` the browser reconnects by itself, and is told what it has missed."""
    script = """
        const source = new EventSource("/jmap/eventsource/?types=Email&closeafter=state&ping=0");
        window.seen = [];
        window.ready = new Promise((resolve) => source.addEventListener("open", resolve));
        window.told = new Promise((resolve) => source.addEventListener("state", (event) => {
          window.seen.push(event.lastEventId);
          if (window.seen.length == 2) resolve(window.seen);
          else window.first();
        }));
        window.firstSeen = new Promise((resolve) => { window.first = resolve; });
    """
    page.run(script + "; await window.ready")
    front.deliver()
    page.run("await window.firstSeen")
    front.deliver()
    first, second = page.run("return await window.told")
    assert first != second


def test_a_websocket_of_a_browser(front: Front, page: Browser) -> None:
    script = """
        const socket = new WebSocket(`wss://${location.host}/jmap/ws/`, "jmap");
        const got = (wanted) => new Promise((resolve) => socket.addEventListener("message", (event) => {
          const message = JSON.parse(event.data);
          if (message["@type"] === wanted) resolve(message);
        }));
        window.told = got("StateChange");
        window.ready = (async () => {
          await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = reject; });
          socket.send(JSON.stringify({ "@type": "WebSocketPushEnable", dataTypes: ["Email"] }));
          const answer = got("Response");
          socket.send(JSON.stringify({ "@type": "Request", id: "r", using: ["urn:ietf:params:jmap:core"],
            methodCalls: [["Core/echo", { hello: true }, "c"]] }));
          return await answer;
        })();
    """
    answer = page.run(script + "; return await window.ready")
    assert answer["requestId"] == "r"
    assert answer["methodResponses"] == [["Core/echo", {"hello": True}, "c"]]
    front.deliver()
    assert list(page.run("return await window.told")["changed"]["A1"]) == ["Email"]


def test_a_page_of_another_site_opens_no_websocket(front: Front, page: Browser) -> None:
    page.open(front.url.replace("localhost", "127.0.0.1") + "/page.html")
    outcome = page.run(
        """
        const socket = new WebSocket(arguments[0], "jmap");
        return await new Promise((resolve) => {
          socket.onopen = () => resolve("open");
          socket.onerror = () => resolve("refused");
        });
        """,
        front.url.replace("https", "wss") + "/jmap/ws/",
    )
    assert outcome == "refused"


def test_a_page_of_another_site_uses_the_api_with_a_login_of_its_own(front: Front, page: Browser) -> None:
    page.open(front.url.replace("localhost", "127.0.0.1") + "/page.html")
    script = """
        const answer = await fetch(arguments[0] + "/jmap/api/", { method: "POST",
          headers: { "Content-Type": "application/json", Authorization: arguments[1] },
          body: JSON.stringify(arguments[2]) });
        return [answer.status, (await answer.json()).methodResponses[0][1].total];
    """
    assert page.run(script, front.url, authorization(), QUERY) == [200, 0]
