"""Requests that another site makes the victim's browser send, with the victim's cookie."""

from collections.abc import Callable, Mapping
from typing import Final

from tests.component.server.http.test_http_sessions import UPGRADE
from tests.kit.attack import Attack, Place
from tests.kit.http.signing_in import PATH, SECURE_ORIGIN, form, signed_in
from tests.kit.provider import PASSWORD, PEOPLE

OTHERS: Final = {"login": PEOPLE[1], "password": PASSWORD}
OURS: Final = {"Origin": SECURE_ORIGIN, "Sec-Fetch-Site": "same-origin", "X-Pillarbox": "1"}
ECHO: Final = b'{"using":["urn:ietf:params:jmap:core"],"methodCalls":[["Core/echo",{},"a"]]}'
LOOKALIKES: Final = {
    "another site": "https://evil.example",
    "no origin": "null",
    "another port": "https://mail.one.example:8443",
    "another scheme": "http://mail.one.example",
    "a subdomain": "https://evil.mail.one.example",
    "the domain above": "https://one.example",
    "our name with more behind it": "https://mail.one.example.evil.example",
    "a scheme and our name, and another": "https://mail.one.example@evil.example",
}
SITES: Final = ("cross-site", "same-site")
STREAM: Final = "/jmap/eventsource/?types=*&closeafter=state&ping=0"


def asked(
    place: Place,
    line: str,
    fields: Mapping[str, str],
    body: bytes = b"",
    kind: str = "application/json",
) -> str:
    """A request with the victim's cookie."""
    with place.browser() as client:
        own = {"Cookie": signed_in(client), **({"Content-Type": kind} if body else {})}
        return str(client.ask(line, {**own, **fields}, body).status)


def api(fields: Mapping[str, str], kind: str = "application/json") -> Callable[[Place], str]:
    """A call of a method."""
    return lambda place: asked(place, "POST /jmap/api/", fields, ECHO, kind)


def opened(fields: Mapping[str, str]) -> Callable[[Place], str]:
    """A WebSocket."""
    every = {**UPGRADE, "Sec-WebSocket-Protocol": "jmap", **fields}
    return lambda place: asked(place, "GET /jmap/ws/", every)


def read(fields: Mapping[str, str], path: str = "/jmap/session") -> Callable[[Place], str]:
    """Something that is read."""
    return lambda place: asked(place, f"GET {path}", fields)


def login_form(origin: str | None) -> Callable[[Place], str]:
    """A form that signs the victim in as the attacker."""

    def send(place: Place) -> str:
        fields, body = form(OTHERS)
        del fields["Origin"]
        with place.browser() as client:
            got = client.ask(f"POST {PATH}", {**fields, **({"Origin": origin} if origin else {})}, body)
            return f"{got.status}{' and a cookie' if got.cookies else ''}"

    return send


def own_login(place: Place) -> str:
    """The same form on our own page."""
    return login_form(SECURE_ORIGIN)(place)


ATTACKS: Final = (
    *(
        Attack(f"a call by a page of {name}", api({**OURS, "Origin": origin}), "403", api(OURS), "200")
        for name, origin in LOOKALIKES.items()
    ),
    *(
        Attack(
            f"a WebSocket by a page of {name}",
            opened({"Origin": origin}),
            "403",
            opened({"Origin": SECURE_ORIGIN}),
            "101",
        )
        for name, origin in LOOKALIKES.items()
    ),
    Attack(
        "a WebSocket by a page that does not say whose",
        opened({}),
        "403",
        opened({"Origin": SECURE_ORIGIN}),
        "101",
    ),
    Attack("JSON in a form of text", api({}, "text/plain"), "403", api({"X-Pillarbox": "1"}), "200"),
    Attack(
        "JSON in a form",
        api({}, "application/x-www-form-urlencoded"),
        "403",
        api({"X-Pillarbox": "1"}),
        "200",
    ),
    Attack(
        "a call without the field that a form cannot send",
        api({"Origin": SECURE_ORIGIN}),
        "403",
        api(OURS),
        "200",
    ),
    *(
        Attack(
            f"a fetch without CORS ({site})",
            api({"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}),
            "403",
            api(OURS),
            "200",
        )
        for site in SITES
    ),
    *(
        Attack(
            f"a stream of events ({site})",
            read({"Sec-Fetch-Site": site}, STREAM),
            "403",
            read({"Sec-Fetch-Site": "same-origin"}),
            "200",
        )
        for site in SITES
    ),
    *(
        Attack(
            f"an image or script with what is read ({site})",
            read({"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}),
            "403",
            read({"Sec-Fetch-Site": "same-origin"}),
            "200",
        )
        for site in SITES
    ),
    *(
        Attack(
            f"the victim is signed in as the attacker by a page of {name}",
            login_form(origin),
            "403",
            own_login,
            "200 and a cookie",
        )
        for name, origin in LOOKALIKES.items()
    ),
    Attack(
        "the victim is signed in as the attacker by a form that does not say whose",
        login_form(None),
        "403",
        own_login,
        "200 and a cookie",
    ),
)
