"""Attacks on the sessions of browsers: fixed, stolen, ended ones."""

from collections.abc import Callable
from typing import Final

from pillarbox.admin import browser_sessions
from pillarbox.directory.sign_in import credentials
from tests.component.server.http.test_http_sessions import UPGRADE
from tests.kit.attack import CLOSED, Attack, Place, cookie, shown
from tests.kit.http.server import HttpClient, authorization
from tests.kit.http.signing_in import PREFIX, SECURE_ORIGIN, post, signed_in
from tests.kit.people import hashed
from tests.kit.provider import PASSWORD, PEOPLE
from tests.unit.protocol.http.test_websocket import frame

MINE: Final = {"login": PEOPLE[0], "password": PASSWORD}
SENT: Final = (
    b'{"@type":"Request","using":["urn:ietf:params:jmap:core"],"methodCalls":[["Core/echo",{},"a"]]}'
)


def fixed(place: Place, chosen: Callable[[HttpClient], str], *, by: str = "attacker") -> str:
    """The victim signs in with a cookie that the attacker has set; whom that cookie is good for afterwards."""
    with place.browser() as victim, place.browser() as attacker:
        set_before = chosen(attacker)
        given = cookie(post(victim, MINE, cookie=set_before))
        return shown(attacker, set_before if by == "attacker" else given)


def of_attacker(client: HttpClient) -> str:
    """The attacker's own session."""
    return signed_in(client, 1)


def invented(_client: HttpClient) -> str:
    """A token that nobody has given."""
    return f"{PREFIX}pillarbox={'A' * 43}"


def beside(place: Place, other: str) -> str:
    """The victim's cookie, beside another of its name."""
    with place.browser() as client:
        mine = signed_in(client)
        return shown(client, f"{mine}{other}")


def renamed(place: Place, prefix: str) -> str:
    """The session's token in a cookie that any neighbour may set."""
    with place.browser() as client:
        return shown(client, prefix + signed_in(client).removeprefix(PREFIX))


def without_tls(place: Place) -> str:
    """The cookie of a session over TLS, over plain HTTP."""
    with place.browser() as client:
        mine = signed_in(client)
    with HttpClient(place.server) as plain:
        return shown(plain, mine)


def of_two(place: Place, password: str) -> str:
    """The cookie of one, and the password of another."""
    with place.browser() as client:
        return shown(client, signed_in(client), Authorization=authorization(1, password))


def end(place: Place) -> None:
    """All sessions of the victim are ended."""
    place.write(browser_sessions.end_all, PEOPLE[0], now_ms=place.world.clock.now_ms())


def change(place: Place) -> None:
    """The victim sets another password."""
    place.write(credentials.set_password, place.accounts[0], hashed("another one"), now_ms=1)


def after(place: Place, happens: Callable[[Place], object] = bool) -> str:
    """A stolen cookie, once something has happened."""
    with place.browser() as client:
        stolen = signed_in(client)
        happens(place)
    with place.browser() as client:
        return shown(client, stolen)


def on_websocket(place: Place, happens: Callable[[Place], object] = bool) -> str:
    """What is answered over a WebSocket that was open then."""
    with place.browser() as client:
        fields = {"Cookie": signed_in(client), "Origin": SECURE_ORIGIN, **UPGRADE}
        assert client.ask("GET /jmap/ws/", {**fields, "Sec-WebSocket-Protocol": "jmap"}).status == 101
        happens(place)
        try:
            client.send(frame(1, SENT))
            got = client.reader.read(2)
        except OSError:
            return CLOSED
        return "answered" if got[:1] == b"\x81" else CLOSED


def on_stream(place: Place, happens: Callable[[Place], object] = bool) -> str:
    """What a stream of events that was open then tells of new mail."""
    with place.browser() as client:
        fields = {"Cookie": signed_in(client), "Accept": "text/event-stream"}
        client.send(
            b"GET /jmap/eventsource/?types=*&closeafter=state&ping=0 HTTP/1.1\r\nHost: mail.one.example\r\n"
            + "".join(f"{name}: {value}\r\n" for name, value in fields.items()).encode()
            + b"\r\n"
        )
        while client.reader.readline() != b"\r\n":
            pass
        happens(place)
        place.server.run(place.server.provider.deliver(0, b"Subject: new\r\n\r\nx"))
        try:
            rest = client.rest()
        except OSError:
            return CLOSED
        return "told" if b"event: state" in rest else CLOSED


ATTACKS: Final = (
    Attack(
        "fixation: the victim signs in with a cookie of the attacker's making",
        lambda p: fixed(p, invented),
        "401",
        lambda p: fixed(p, invented, by="victim"),
        "200 u0@one.example",
    ),
    Attack(
        "fixation: the victim signs in over the attacker's session",
        lambda p: fixed(p, of_attacker),
        ("401", "200 u1@"),
        lambda p: fixed(p, of_attacker, by="victim"),
        "200 u0@one.example",
    ),
    Attack(
        "another cookie of the same name beside the victim's",
        lambda p: beside(p, f"; {PREFIX}pillarbox={'A' * 43}"),
        "401",
        lambda p: beside(p, "; pillarbox=A"),
        "200",
    ),
    Attack(
        "a session's token in a cookie that neighbours may set",
        lambda p: renamed(p, ""),
        "401",
        lambda p: renamed(p, PREFIX),
        "200",
    ),
    Attack(
        "a session's token in a cookie that is only Secure",
        lambda p: renamed(p, "__Secure-"),
        "401",
        lambda p: renamed(p, PREFIX),
        "200",
    ),
    Attack("the cookie of TLS over plain HTTP", without_tls, "401", after, "200"),
    Attack(
        "a right cookie makes up for the wrong password of another",
        lambda p: of_two(p, "wrong"),
        "401",
        lambda p: of_two(p, PASSWORD),
        "200 u1@one.example",
    ),
    Attack("the cookie of a session that was ended", lambda p: after(p, end), "401", after, "200"),
    Attack(
        "the cookie of a session whose password was changed", lambda p: after(p, change), "401", after, "200"
    ),
    Attack(
        "a WebSocket of a session that was ended",
        lambda p: on_websocket(p, end),
        CLOSED,
        on_websocket,
        "answered",
    ),
    Attack(
        "a WebSocket of a session whose password was changed",
        lambda p: on_websocket(p, change),
        CLOSED,
        on_websocket,
        "answered",
    ),
    Attack(
        "a stream of events of a session that was ended",
        lambda p: on_stream(p, end),
        CLOSED,
        on_stream,
        "told",
    ),
)
