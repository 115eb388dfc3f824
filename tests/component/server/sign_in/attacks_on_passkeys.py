"""Attacks on passkeys and on links for a new password."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from pillarbox.admin import password_reset
from pillarbox.directory.sign_in import link_tokens
from pillarbox.server.sign_in.choosing import NotDone
from pillarbox.server.sign_in.resetting import Resetting, Wanted
from pillarbox.server.sign_in.steps import Browser
from tests.kit.attack import Attack, Place, status
from tests.kit.authenticator import Authenticator
from tests.kit.http.server import HttpClient, Response
from tests.kit.http.signing_in import HOST, SECURE_ORIGIN, signed_in
from tests.kit.provider import PEOPLE

EVIL: Final = "https://evil.example"
ALONE: Final = "/passkeys/show/sign-in"


class Phone:
    """Somebody's browser, with an authenticator and cookies."""

    def __init__(self, client: HttpClient, cookies: str = "", keys: Authenticator | None = None) -> None:
        self.client = client
        self.cookies = dict([cookies.split("=", 1)]) if cookies else {}
        self.keys = keys or Authenticator()

    def post(self, path: str, content: object) -> Response:
        """Send JSON, as the script of the page does; cookies are kept."""
        fields = {"Content-Type": "application/json", "Origin": SECURE_ORIGIN}
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        fields |= {"Cookie": cookies} if cookies else {}
        answer = self.client.ask(f"POST {path}", fields, json.dumps(content).encode(), host=HOST)
        self.cookies |= {name: value.partition(";")[0] for name, value in answer.cookies.items()}
        return answer

    def options(self, path: str = ALONE) -> Mapping[str, Any]:
        """What the browser is asked for."""
        answer = self.post(f"{path}/options", {})
        assert answer.status == 200, answer.body
        asked: Mapping[str, Any] = json.loads(answer.body)
        return asked

    def made(self, **other: Any) -> Response:
        """Make a passkey, on our page unless `page` says where."""
        page = other.pop("page", SECURE_ORIGIN)
        response = self.keys.make(self.options("/passkeys/make"), page, **other)
        return self.post("/passkeys/make", {"response": response, "name": "phone"})


def owned(client: HttpClient, person: int = 0) -> Authenticator:
    """The authenticator of somebody who has made a passkey."""
    phone = Phone(client, signed_in(client, person))
    assert phone.made().status == 201
    return phone.keys


def shown(place: Place, **other: Any) -> str:
    """Sign in by a passkey alone: on our page unless `page` says where; `other`: what is altered."""
    page = other.pop("page", SECURE_ORIGIN)
    with place.browser() as client:
        phone = Phone(client, keys=owned(client))
        return status(phone.post(ALONE, phone.keys.show(phone.options(), page, **other)))


def made(place: Place, **other: Any) -> str:
    """Make a passkey."""
    with place.browser() as client:
        return status(Phone(client, signed_in(client)).made(**other))


def replayed(place: Place, *, again: bool = True) -> str:
    """What was signed for one sign-in, in another one."""
    with place.browser() as client:
        keys = owned(client)
        first = Phone(client, keys=keys)
        signed = keys.show(first.options(), SECURE_ORIGIN)
        assert first.post(ALONE, signed).status == 200
        second = Phone(client, keys=keys)
        asked = second.options()
        return status(second.post(ALONE, signed if again else keys.show(asked, SECURE_ORIGIN)))


def relayed(place: Place, *, by_attacker: bool = True) -> str:
    """The victim signs, on our own page, what the attacker's browser was asked for; who shows it."""
    with place.browser() as client:
        keys = owned(client)
        attacker, victim = Phone(client), Phone(client, keys=keys)
        attacker.options()
        signed = keys.show(victim.options(), SECURE_ORIGIN)
        return status((attacker if by_attacker else victim).post(ALONE, signed))


def as_another(place: Place, person: int) -> str:
    """A passkey of the first person with the user handle of another."""
    with place.browser() as client:
        keys, others = owned(client), owned(client, 1)
        phone = Phone(client, keys=keys)
        handle = (others if person else keys).credentials[0].handle
        return status(phone.post(ALONE, keys.show(phone.options(), SECURE_ORIGIN, handle=handle)))


def with_link(place: Place, *uses: int, valid_ms: int = 60_000) -> str:
    """Set a new password by links, each with its number; what comes of the last."""
    provider = place.server.provider
    resetting = Resetting(provider.world, provider.config, provider.authenticator)
    links, outcome = dict[int, str](), object()
    for number, use in enumerate(uses):
        if use not in links:
            token, digest = link_tokens.issue(provider.world.entropy)
            now_ms = provider.world.clock.now_ms()
            place.write(
                password_reset.make_link,
                PEOPLE[0],
                digest,
                valid_ms=valid_ms,
                asks_factor=True,
                now_ms=now_ms if valid_ms else now_ms - 1000,
            )
            links[use] = token
        wanted = Wanted(f"quite another secret {number}")
        outcome = place.server.run(resetting.finish(links[use], wanted, Browser("192.0.2.1", "Firefox")))
    return "gone" if outcome is NotDone.GONE else "set" if not isinstance(outcome, NotDone) else str(outcome)


def flipped(data: bytes) -> bytes:
    """Authenticator data whose flags were changed after it was signed."""
    return data[:32] + bytes([data[32] ^ 0x10]) + data[33:]


def altered(name: str, way: Callable[..., str], let_in: str, **other: Any) -> Attack:
    """A row: the same way with something altered, and without."""
    return Attack(name, lambda place: way(place, **dict(other)), "403", way, let_in)


SHOWN: Final[tuple[Attack, ...]] = (
    altered("a passkey shown on another origin", shown, "200", page=EVIL),
    altered("a passkey shown on a subdomain", shown, "200", page="https://evil.mail.one.example"),
    altered("a passkey shown on another port", shown, "200", page=f"{SECURE_ORIGIN}:8443"),
    altered("a passkey shown over http", shown, "200", page="http://mail.one.example"),
    altered("a passkey for another domain", shown, "200", party="evil.example"),
    altered("a passkey shown in a frame of another site", shown, "200", changed={"crossOrigin": True}),
    altered("a passkey for another challenge", shown, "200", changed={"challenge": "AAAA"}),
    altered("the making of a passkey as its showing", shown, "200", changed={"type": "webauthn.create"}),
    altered("a passkey whose holder was not verified", shown, "200", flags=1),
    altered("a passkey whose data was changed after it was signed", shown, "200", after=flipped),
    altered("a signature of nothing", shown, "200", signature=b"0" * 70),
    altered("a passkey that nobody has made", shown, "200", credential=b"unknown" * 4),
    altered("a passkey made on another origin", made, "201", page=EVIL),
    altered("a passkey made for another domain", made, "201", party="evil.example"),
)

ATTACKS: Final = (
    *SHOWN,
    Attack(
        "what a passkey has signed is shown again",
        replayed,
        "403",
        lambda p: replayed(p, again=False),
        "200",
    ),
    Attack(
        "what the victim has signed is shown by the attacker",
        relayed,
        "403",
        lambda p: relayed(p, by_attacker=False),
        "200",
    ),
    Attack(
        "a passkey with the user handle of another",
        lambda p: as_another(p, 1),
        "403",
        lambda p: as_another(p, 0),
        "200",
    ),
    Attack(
        "a link for a new password twice",
        lambda p: with_link(p, 1, 1),
        "gone",
        lambda p: with_link(p, 1),
        "set",
    ),
    Attack(
        "a link for a new password after another one was used",
        lambda p: with_link(p, 1, 2, 1),
        "gone",
        lambda p: with_link(p, 1, 2),
        "set",
    ),
    Attack(
        "a link for a new password that has expired",
        lambda p: with_link(p, 1, valid_ms=0),
        "gone",
        lambda p: with_link(p, 1),
        "set",
    ),
)
