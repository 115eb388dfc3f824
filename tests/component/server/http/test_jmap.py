"""JMAP over HTTP: the session, requests, events, and a WebSocket."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from pillarbox.directory import quota
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.server.http.jmap import AT_ONCE_OCTETS, parts
from pillarbox.server.http.routes import ROUTES
from pillarbox.server.jmap.service import Answer
from tests.component.server.http.test_http_sessions import UPGRADE, read_frame
from tests.kit.http.server import HttpClient, authorization, open_http, request
from tests.kit.provider import PEOPLE
from tests.kit.server import Server
from tests.unit.protocol.http.test_websocket import frame

ANNA = {"Authorization": authorization()}
CORE = "urn:ietf:params:jmap:core"
MAIL = "urn:ietf:params:jmap:mail"
MESSAGE = b"From: bob@two.example\r\nSubject: Hello\r\n\r\nHi.\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with open_http(*ROUTES) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[HttpClient]:
    with HttpClient(server, tls=True) as client:
        yield client


def requested(client: HttpClient, *calls: list[Any], using: tuple[str, ...] = (CORE, MAIL)) -> Any:
    body = json.dumps({"using": using, "methodCalls": calls}).encode()
    got = client.ask("POST /jmap/api/", {**ANNA, "Content-Type": "application/json"}, body)
    return json.loads(got.body)


def account_of(client: HttpClient) -> str:
    (account,) = json.loads(client.ask("GET /jmap/session", ANNA).body)["accounts"]
    return str(account)


@pytest.mark.rfc("8620 §2.2", "MUST")
def test_the_session_is_found(client: HttpClient) -> None:
    found = client.ask("GET /.well-known/jmap")
    assert (found.status, found["location"]) == (307, "/jmap/session")
    assert client.ask("GET /jmap/session").status == 401
    got = client.ask("GET /jmap/session", ANNA)
    session = json.loads(got.body)
    assert (got.status, got["content-type"], session["username"]) == (200, "application/json", PEOPLE[0])
    assert session["apiUrl"] == "https://mail.one.example/jmap/api/"
    assert session["capabilities"]["urn:ietf:params:jmap:websocket"] == {
        "url": "wss://mail.one.example/jmap/ws/",
        "supportsPush": True,
    }
    assert "no-store" in got["cache-control"]
    other = json.loads(client.ask("GET /jmap/session", ANNA, host="evil.example").body)
    assert other == session, "a name that is not ours is in no address"


@pytest.mark.rfc("8620 §3.1", "MUST")
def test_requests(client: HttpClient) -> None:
    answer = requested(client, ["Core/echo", {"a": 1}, "x"])
    assert answer["methodResponses"] == [["Core/echo", {"a": 1}, "x"]]
    assert answer["sessionState"] == json.loads(client.ask("GET /jmap/session", ANNA).body)["state"]
    for body, kind in ((b"no", "notJSON"), (b"{}", "notRequest")):
        got = client.ask("POST /jmap/api/", {**ANNA, "Content-Type": "application/json; charset=utf-8"}, body)
        assert (got.status, got.problem["type"]) == (400, f"urn:ietf:params:jmap:error:{kind}")
    got = client.ask("POST /jmap/api/", {**ANNA, "Content-Type": "text/plain"}, b"{}")
    assert (got.status, got.problem["type"]) == (400, "urn:ietf:params:jmap:error:notJSON")
    assert client.ask("POST /jmap/api/", {"Content-Type": "application/json"}, b"{}").status == 401
    assert client.ask("GET /jmap/api/", ANNA).status == 405


def test_mail_that_comes_by_smtp_is_found(server: Server, client: HttpClient) -> None:
    account = account_of(client)
    query = ["Email/query", {"accountId": account, "filter": {"subject": "hello"}}, "q"]
    ((_, before, _),) = requested(client, query)["methodResponses"]
    server.run(server.provider.deliver(0, MESSAGE))
    ((_, after, _),) = requested(client, query)["methodResponses"]
    assert len(after["ids"]) == len(before["ids"]) + 1
    assert after["queryState"] != before["queryState"]


# --- events


def events(client: HttpClient) -> Iterator[dict[str, str]]:
    text = ""
    while octets := client.chunk():
        text += octets.decode()
        while "\n\n" in text:
            one, text = text.split("\n\n", 1)
            if not one.startswith(":"):
                yield dict(line.split(": ", 1) for line in one.split("\n"))


def test_a_login_that_may_only_read(server: Server, client: HttpClient) -> None:
    """The session, requests, uploads and the WebSocket know of it."""
    token = server.run(server.provider.app_password(0, Scope.JMAP, read_only=True))
    fields, account = {"Authorization": f"Bearer {token}"}, account_of(client)
    session = json.loads(client.ask("GET /jmap/session", fields).body)
    assert session["accounts"][account]["isReadOnly"] is True
    create = ["Mailbox/set", {"accountId": account, "create": {"a": {"name": "New"}}}, "c"]
    body = {"using": (CORE, MAIL), "methodCalls": [create]}
    typed = {**fields, "Content-Type": "application/json"}
    answered = json.loads(client.ask("POST /jmap/api/", typed, json.dumps(body).encode()).body)
    assert answered["methodResponses"] == [["error", {"type": "accountReadOnly"}, "c"]]
    assert answered["sessionState"] == session["state"]
    refused = client.ask(f"POST /jmap/upload/{account}/", fields, b"octets")
    assert (refused.status, refused.problem["detail"]) == (403, "This app password is read-only.")
    with HttpClient(server, tls=True) as socket:
        assert (
            socket.ask("GET /jmap/ws/", {**UPGRADE, **fields, "Sec-WebSocket-Protocol": "jmap"}).status == 101
        )
        socket.send(frame(1, json.dumps({"@type": "Request", **body}).encode()))
        assert b'"type":"accountReadOnly"' in read_frame(socket)[1]
    own = requested(client, create)["methodResponses"]
    assert own[0][1]["created"]["a"]["id"]


@pytest.mark.rfc("8620 §7.3", "MUST")
def test_events(server: Server, client: HttpClient) -> None:
    account = account_of(client)
    asked = "GET /jmap/eventsource/?types=Email,EmailDelivery&closeafter=no&ping=0"
    client.send(_get(asked))
    head = client.reader.readline()
    assert head.startswith(b"HTTP/1.1 200 ")
    while client.reader.readline() != b"\r\n":
        pass
    server.run(server.provider.deliver(0, MESSAGE))
    event = next(events(client))
    assert event["event"] == "state"
    told = json.loads(event["data"])
    assert told["@type"] == "StateChange"
    assert told["changed"][account].keys() == {"Email", "EmailDelivery"}
    with HttpClient(server, tls=True) as again:  # nothing has been missed
        again.send(_get(asked, **{"Last-Event-ID": event["id"]}))
        while again.reader.readline() != b"\r\n":
            pass
        server.run(server.provider.deliver(0, MESSAGE))
        (newer,) = [json.loads(next(events(again))["data"])["changed"][account]]
        assert newer["Email"] != told["changed"][account]["Email"]
    with HttpClient(server, tls=True) as late:  # what has happened since is told at once, and then it ends
        late.send(_get(asked.replace("closeafter=no", "closeafter=state"), **{"Last-Event-ID": event["id"]}))
        while late.reader.readline() != b"\r\n":
            pass
        assert [json.loads(one["data"])["changed"][account] for one in events(late)] == [newer]


@pytest.mark.rfc("9425 §6", "MUST")
def test_what_an_account_uses_is_told(server: Server, client: HttpClient) -> None:
    account = server.provider.accounts[0]

    def limit(octets: int | None) -> None:
        server.run(server.provider.world.database.write(quota.set_account_quota, account, octets))

    limit(1_000_000)
    client.send(_get("GET /jmap/eventsource/?types=Quota&closeafter=state&ping=0"))
    while client.reader.readline() != b"\r\n":
        pass
    server.run(server.provider.deliver(0, MESSAGE))
    (event,) = events(client)
    (changed,) = json.loads(event["data"])["changed"].values()
    with HttpClient(server, tls=True) as other:
        using = (CORE, MAIL, "urn:ietf:params:jmap:quota")
        asked = ["Quota/get", {"accountId": account_of(other), "ids": None}, "0"]
        ((_, said, _),) = requested(other, asked, using=using)["methodResponses"]
    assert changed == {"Quota": said["state"]}
    assert said["list"][0]["hardLimit"] == 1_000_000
    limit(None)


def test_types_that_have_not_changed_are_not_told(server: Server, client: HttpClient) -> None:
    client.send(
        _get("GET /jmap/eventsource/?types=Mailbox&closeafter=state&ping=0", **{"Last-Event-ID": "x"})
    )
    while client.reader.readline() != b"\r\n":
        pass
    (event,) = events(client)
    (changed,) = json.loads(event["data"])["changed"].values()
    assert changed.keys() == {"Mailbox"}


@pytest.mark.rfc("8620 §7.3", "MUST")
@pytest.mark.parametrize(
    "query",
    [
        "",
        "types=*&closeafter=no",
        "types=*&closeafter=yes&ping=0",
        "types=*&closeafter=no&ping=-1",
        "closeafter=no&ping=0",
    ],
)
def test_events_that_are_asked_for_wrongly(client: HttpClient, query: str) -> None:
    assert client.ask(f"GET /jmap/eventsource/?{query}", ANNA).status == 400


def test_what_else_an_address_of_events_says_is_of_no_concern(client: HttpClient) -> None:
    more = "".join(f"&more{number}=x" for number in range(100))
    assert client.ask(f"HEAD /jmap/eventsource/?types=*&closeafter=no&ping=0{more}", ANNA).status == 200


def _get(line: str, **fields: str) -> bytes:
    head = "".join(f"{name}: {value}\r\n" for name, value in {**ANNA, **fields}.items())
    return f"{line} HTTP/1.1\r\nHost: mail.one.example\r\n{head}\r\n".encode()


def test_a_long_response_is_written_in_pieces(client: HttpClient) -> None:
    text = "x" * 1_000_000
    body = json.dumps({"using": [CORE], "methodCalls": [["Core/echo", {"a": text}, "c"]]}).encode()
    got = client.ask("POST /jmap/api/", {**ANNA, "Content-Type": "application/json"}, body)
    assert got["content-length"] == str(len(got.body))
    assert json.loads(got.body)["methodResponses"] == [["Core/echo", {"a": text}, "c"]]


LONG = 9_000_000
"""More than the buffers of two sockets hold."""


@pytest.mark.parametrize("way", ["request", "websocket"])
def test_a_long_response_is_counted_until_it_is_read(server: Server, client: HttpClient, way: str) -> None:
    share = server.provider.world.memory.accounts.buffers

    def held() -> int:
        return server.call(lambda: share.used_octets)

    def until(counted: Callable[[int], bool]) -> None:
        while not counted(held()):
            time.sleep(0.01)

    asked = {"using": [CORE], "methodCalls": [["Core/echo", {"a": "x" * LONG}, "c"]]}
    if way == "request":
        body = json.dumps(asked).encode()
        client.send(request("POST /jmap/api/", {**ANNA, "Content-Type": "application/json"}, body))
    else:
        open_socket(client)
        say(client, {"@type": "Request", **asked})
    # What reading the request takes is more, and is released before
    until(lambda octets: LONG <= octets < 2 * LONG)
    with server.call(lambda: share.hold(2 * share.limit_octets, lambda: None)):
        until(lambda octets: octets < 2 * share.limit_octets + LONG)
    until(lambda octets: octets == 0)
    with suppress(ConnectionResetError):
        assert len(client.reader.read()) < LONG, "it was cut"


def test_others_are_served_between_the_pieces_of_a_response() -> None:
    answer, turns = Answer(200, "a/b", (b"a" * 10, b"b" * 2 * AT_ONCE_OCTETS, b"c")), list[int]()
    written = list[bytes]()

    async def give_way() -> None:
        turns.append(len(written))

    async def write() -> None:
        async for part in parts(answer, give_way):
            written.append(part)

    asyncio.run(write())
    assert b"".join(written) == answer.octets
    assert max(map(len, written)) == AT_ONCE_OCTETS
    assert turns == [1, 2, 3, 4]


# --- WebSocket


def open_socket(client: HttpClient) -> None:
    got = client.ask("GET /jmap/ws/", {**ANNA, **UPGRADE, "Sec-WebSocket-Protocol": "jmap"})
    assert (got.status, got["sec-websocket-protocol"]) == (101, "jmap")


def say(client: HttpClient, told: Any) -> None:
    text = told if isinstance(told, str) else json.dumps(told)
    client.send(frame(1, text.encode()))


def hear(client: HttpClient) -> Any:
    first, size = client.reader.read(2)
    assert first == 0x81, "one frame of text"
    if size == 126:
        size = int.from_bytes(client.reader.read(2), "big")
    elif size == 127:
        size = int.from_bytes(client.reader.read(8), "big")
    return json.loads(client.reader.read(size))


@pytest.mark.rfc("8887 §4.3", "MUST")
def test_requests_over_a_websocket(client: HttpClient) -> None:
    open_socket(client)
    say(
        client,
        {"@type": "Request", "id": "R1", "using": [CORE], "methodCalls": [["Core/echo", {"x": 5}, "b"]]},
    )
    answer = hear(client)
    assert (answer["@type"], answer["requestId"]) == ("Response", "R1")
    assert answer["methodResponses"] == [["Core/echo", {"x": 5}, "b"]]
    say(client, {"@type": "Request", "using": [CORE], "methodCalls": []})
    assert "requestId" not in hear(client)
    say(client, {"@type": "Request", "id": "R2", "using": ["nonsense"], "methodCalls": []})
    answer = hear(client)
    assert (answer["@type"], answer["requestId"], answer["status"]) == ("RequestError", "R2", 400)
    assert answer["type"] == "urn:ietf:params:jmap:error:unknownCapability"
    for wrong, kind in (
        ("The quick brown fox", "notJSON"),
        ({"@type": "Other"}, "notRequest"),
        ({}, "notRequest"),
        ({"@type": "Request", "id": "x" * 300}, "notRequest"),
        (f'{{"@type":"Request","a":{"[" * 5_000}', "limit"),
    ):
        say(client, wrong)
        answer = hear(client)
        assert (answer["@type"], answer["requestId"]) == ("RequestError", None)
        assert answer["type"] == f"urn:ietf:params:jmap:error:{kind}"


@pytest.mark.rfc("8887 §4.3.5", "MUST")
def test_notifications_over_a_websocket(server: Server, client: HttpClient) -> None:
    account = account_of(client)
    open_socket(client)
    say(client, {"@type": "WebSocketPushEnable", "dataTypes": ["Email"]})
    say(client, {"@type": "Request", "id": "1", "using": [CORE], "methodCalls": []})
    assert hear(client)["requestId"] == "1"
    server.run(server.provider.deliver(0, MESSAGE))
    told = hear(client)
    assert told["@type"] == "StateChange"
    assert told["changed"][account].keys() == {"Email"}
    say(client, {"@type": "WebSocketPushDisable"})
    say(client, {"@type": "Request", "id": "2", "using": [CORE], "methodCalls": []})
    assert hear(client)["requestId"] == "2"
    server.run(server.provider.deliver(0, MESSAGE))
    say(client, {"@type": "Request", "id": "3", "using": [CORE], "methodCalls": []})
    assert hear(client)["requestId"] == "3", "nothing is told any more"
    say(client, {"@type": "WebSocketPushEnable", "dataTypes": None, "pushState": told["pushState"]})
    missed = hear(client)
    assert missed["changed"][account].keys() >= {"Email", "Mailbox", "Thread"}


@pytest.mark.rfc("8887 §4.2", "MUST")
def test_a_websocket_speaks_jmap(client: HttpClient) -> None:
    assert client.ask("GET /jmap/ws/", {**ANNA, **UPGRADE}).status == 400
    open_socket(client)
    client.send(frame(2, b"\0\1\2"))
    assert client.reader.read(1) == b"\x88", "octets are not spoken"


# --- too much


@pytest.mark.rfc("8620 §3.6.1", "MUST")
@pytest.mark.parametrize(
    ("body", "limit"),
    [
        (
            b'{"using":[],"methodCalls":[["Core/echo",{"a":"%b"},"c"]]}' % (b"x" * 10_000_000),
            "maxSizeRequest",
        ),
        (
            b'{"using":[],"methodCalls":[%b]}' % b",".join([b'["Core/echo",{},"c"]'] * 10_000),
            "maxJsonValues",  # they are counted before anything is decoded
        ),
        (
            b'{"using":[],"methodCalls":[%b]}' % b",".join([b'["Core/echo",{},"c"]'] * 1_000),
            "maxCallsInRequest",
        ),
    ],
)
def test_a_request_that_is_too_large_is_refused(client: HttpClient, body: bytes, limit: str) -> None:
    got = client.ask("POST /jmap/api/", {**ANNA, "Content-Type": "application/json"}, body)
    assert got.status == 400
    assert got.problem["type"] == "urn:ietf:params:jmap:error:limit"
    assert got.problem["limit"] == limit


@pytest.mark.rfc("8620 §3.7", "MUST")
def test_references_in_chains_and_circles_end(client: HttpClient) -> None:
    def echo(name: str, **arguments: Any) -> list[Any]:
        return ["Core/echo", arguments, name]

    def of(name: str, path: str) -> dict[str, str]:
        return {"resultOf": name, "name": "Core/echo", "path": path}

    chain = [
        echo("c0", a=["x" * 100] * 10),
        *(
            echo(f"c{number}", a=[number], **{"#b": of(f"c{number - 1}", ""), "#c": of(f"c{number - 1}", "")})
            for number in range(1, 60)
        ),
    ]
    answered = requested(client, *chain)["methodResponses"]
    assert [name for name, _, _ in answered[:3]] == ["Core/echo"] * 3
    assert {said["type"] for name, said, _ in answered if name == "error"} == {"invalidResultReference"}
    circle = requested(client, echo("a", **{"#x": of("b", "/x")}), echo("b", **{"#x": of("a", "/x")}))
    assert [said["type"] for _, said, _ in circle["methodResponses"]] == ["invalidResultReference"] * 2
    itself = requested(client, echo("a", **{"#x": of("a", "/x")}))
    assert itself["methodResponses"][0][1]["type"] == "invalidResultReference"


@pytest.mark.rfc("8620 §5.3", "MUST")
def test_creations_in_a_circle_are_refused(client: HttpClient) -> None:
    account = account_of(client)
    create = {"a": {"name": "A", "parentId": "#b"}, "b": {"name": "B", "parentId": "#a"}}
    answer = requested(client, ["Mailbox/set", {"accountId": account, "create": create}, "s"])
    ((_, said, _),) = answer["methodResponses"]
    assert {error["type"] for error in said["notCreated"].values()} == {"invalidProperties"}
