"""Attacks on how programs log in: SASL, names and passwords, tokens."""

from base64 import b64encode
from collections.abc import Callable
from typing import Final

from pillarbox.directory.sign_in import app_passwords, credentials
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.protocol.sasl.client import Binding, ClientExchange, Credentials, choose
from pillarbox.world.tls.binding import end_point
from tests.kit.attack import CLOSED, Attack, LineClient, Place, status
from tests.kit.http.server import HttpClient, authorization, request
from tests.kit.people import hashed
from tests.kit.provider import PASSWORD, PEOPLE

MINE, OTHERS = PEOPLE[0], PEOPLE[1]
NO: Final = ("a NO ", "a BAD ")
Change = Callable[[bytes], bytes]


def client(credentials: Credentials, binding: Binding | None = None, *, plus: bool = False) -> ClientExchange:
    """One of SCRAM; with `binding` but without `plus`, one that has not seen -PLUS offered."""
    offered = ["SCRAM-SHA-256", *(["SCRAM-SHA-256-PLUS"] if plus else [])]
    found = choose(offered, credentials, nonce="c", binding=binding, plain_allowed=False)
    assert found is not None
    return found


def scram(
    place: Place,
    *,
    service: str = "imap",
    authorization: str = "",
    binding: Callable[[bytes], Binding] | None = None,
    plus: bool = False,
    change_final: Change = bytes,
    meanwhile: Callable[[], object] = lambda: None,
) -> str:
    """Log in by SCRAM. `binding`: made of the server's certificate; `meanwhile`: happens before the proof."""
    with LineClient(place, service) as there:
        bound = binding(there.certificate) if binding else None
        exchange = client(Credentials(MINE, PASSWORD, authorization), bound, plus=plus)

        def respond(challenge: bytes) -> bytes:
            answer = exchange.respond(challenge)
            if not answer:
                return answer
            meanwhile()
            return change_final(answer)

        there.line()
        assert exchange.initial is not None
        return there.sasl(f"a AUTHENTICATE {exchange.name}", "+ ", exchange.initial, respond)


def replayed(place: Place, change: Callable[[bytes, bytes], bytes]) -> str:
    """What was heard of an exchange is sent once more. `change`: the proof that was heard, as it is sent now."""
    heard: list[bytes] = []

    def hear(final: bytes) -> bytes:
        heard.append(final)
        return final

    assert scram(place, change_final=hear).startswith("a OK ")
    with LineClient(place, "imap") as there:
        there.line()
        first = client(Credentials(MINE, PASSWORD)).initial
        assert first is not None
        return there.sasl("a AUTHENTICATE SCRAM-SHA-256", "+ ", first, lambda told: change(heard[0], told))


def with_new_nonce(final: bytes, challenge: bytes) -> bytes:
    """The old proof, for the nonce of now."""
    binding, _, proof = final.split(b",")
    return b",".join((binding, challenge.split(b",")[0], proof))


def to_end_point(certificate: bytes) -> Binding:
    """The binding to this server."""
    data = end_point(certificate)
    assert data is not None
    return Binding("tls-server-end-point", data)


def to_another(_certificate: bytes) -> Binding:
    """The binding to whoever is in the middle."""
    return Binding("tls-server-end-point", bytes(32))


def bound_as_another(final: bytes) -> bytes:
    """Says in its proof that it acts as somebody else, which it did not say before."""
    return b"c=" + b64encode(f"n,a={OTHERS},".encode()) + final[final.index(b",") :]


def set_password(place: Place) -> None:
    """The owner sets another password."""
    place.write(credentials.set_password, place.accounts[0], hashed("another one"), now_ms=1)


def plain(service: str, authorization: str) -> Callable[[Place], str]:
    """SASL's PLAIN, with this authorization identity."""
    begin, goes_on = {
        "imap": ("a AUTHENTICATE PLAIN", "+ "),
        "pop3": ("AUTH PLAIN", "+ "),
        "submission": ("AUTH PLAIN", "334 "),
    }[service]

    def attempt(place: Place) -> str:
        with LineClient(place, service) as there:
            there.line()
            if service == "submission":
                there.say("EHLO client.example")
                while there.line()[3] == "-":
                    pass
            said = f"{authorization}\0{MINE}\0{PASSWORD}".encode()
            return there.sasl(begin, goes_on, said, lambda _: b"")

    return attempt


def ask(place: Place, *fields: tuple[str, str]) -> str:
    """GET of the session object with these fields, in their order."""
    with place.browser() as http:
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        http.send(f"GET /jmap/session HTTP/1.1\r\nHost: mail.one.example\r\n{head}\r\n".encode())
        return status(http.response())


def token(place: Place, end: Callable[[Place], object] = bool) -> str:
    """Bearer, after something has happened to the app password."""
    shown = place.server.run(place.server.provider.app_password(0, Scope.JMAP))
    end(place)
    return ask(place, ("Authorization", f"Bearer {shown}"))


def revoke(place: Place) -> None:
    """The owner revokes all app passwords."""
    account = place.accounts[0]
    for listed in place.world.database.read_now(app_passwords.listing, account):
        place.write(app_passwords.revoke, account, listed.id)


def expire(place: Place) -> None:
    """All app passwords have expired."""
    place.server.run(
        place.world.database.write(lambda tx: tx.execute("UPDATE app_passwords SET expires_at_ms = 1", ()))
    )


def kept_open(place: Place, end: Callable[[Place], object] = bool) -> str:
    """A second request over a connection whose login is remembered."""
    with place.browser() as http:
        login = {"Authorization": authorization()}
        assert http.ask("GET /jmap/session", login).status == 200
        end(place)
        try:
            http.send(request("GET /jmap/session", login))
            return status(http.response()) if http.reader.peek(1) else CLOSED
        except OSError:
            return CLOSED


def guess_while_remembered(place: Place, password: str) -> str:
    """A second request over such a connection with another login."""
    with place.browser() as http:
        assert http.ask("GET /jmap/session", {"Authorization": authorization()}).status == 200
        return status(http.ask("GET /jmap/session", {"Authorization": authorization(1, password)}))


def user_is_known(place: Place, login: str) -> str:
    """What POP3 says of a name, and then of its password."""
    with LineClient(place, "pop3") as there:
        there.line()
        there.say(f"USER {login}")
        said = there.line()
        there.say(f"PASS {PASSWORD}")
        return f"{said} {there.line()}"


def of_http(place: Place, password: str) -> str:
    """Basic over a connection without TLS, where that is allowed."""
    with HttpClient(place.server) as http:
        return status(http.ask("GET /jmap/session", {"Authorization": authorization(0, password)}))


BASIC, BASIC_OF_OTHERS = ("Authorization", authorization()), ("Authorization", authorization(1))

ATTACKS: Final = (
    Attack(
        "SCRAM: all that was heard is sent again",
        lambda p: replayed(p, lambda final, _: final),
        NO,
        scram,
        "a OK",
    ),
    Attack(
        "SCRAM: the proof that was heard, for the nonce of now",
        lambda p: replayed(p, with_new_nonce),
        NO,
        scram,
        "a OK",
    ),
    Attack(
        "SCRAM: to act as another",
        lambda p: scram(p, authorization=OTHERS),
        NO,
        lambda p: scram(p, authorization=MINE),
        "a OK",
    ),
    Attack(
        "SCRAM: to act as another, said with the proof alone",
        lambda p: scram(p, change_final=bound_as_another),
        NO,
        scram,
        "a OK",
    ),
    Attack(
        "SCRAM: -PLUS was taken out of what is offered",
        lambda p: scram(p, service="imaps", binding=to_end_point),
        NO,
        lambda p: scram(p, service="imaps"),
        "a OK",
    ),
    Attack(
        "SCRAM-PLUS: bound to another server",
        lambda p: scram(p, service="imaps", binding=to_another, plus=True),
        NO,
        lambda p: scram(p, service="imaps", binding=to_end_point, plus=True),
        "a OK",
    ),
    Attack(
        "SCRAM: begun before the password was changed",
        lambda p: scram(p, meanwhile=lambda: set_password(p)),
        NO,
        lambda p: scram(p, meanwhile=lambda: None),
        "a OK",
    ),
    *(
        Attack(
            f"PLAIN at {service}: to act as another",
            plain(service, OTHERS),
            refused,
            plain(service, MINE),
            let_in,
        )
        for service, refused, let_in in (
            ("imap", "a NO [AUTH", "a OK "),
            ("pop3", "-ERR [AUTH] ", "+OK "),
            ("submission", "535 5.7.8 ", "235 2.7.0 "),
        )
    ),
    Attack("a token that was revoked", lambda p: token(p, revoke), "401", token, "200"),
    Attack("a token that has expired", lambda p: token(p, expire), "401", token, "200"),
    Attack(
        "a password that was changed, over a connection that remembers it",
        lambda p: kept_open(p, set_password),
        (CLOSED, "401"),
        kept_open,
        "200",
    ),
    Attack(
        "a wrong password of another, over a connection that remembers a right one",
        lambda p: guess_while_remembered(p, "wrong"),
        "401",
        lambda p: guess_while_remembered(p, PASSWORD),
        "200",
    ),
    Attack(
        "two logins in one request",
        lambda p: ask(p, BASIC, BASIC_OF_OTHERS),
        ("400", "401"),
        lambda p: ask(p, BASIC),
        "200",
    ),
    Attack(
        "the same login twice in one request",
        lambda p: ask(p, BASIC, BASIC),
        ("400", "401"),
        lambda p: ask(p, BASIC),
        "200",
    ),
    Attack(
        "a login in a line that continues another field",
        lambda p: ask(p, ("X-A", f"b\r\n Authorization: {authorization()}")),
        ("400", "401"),
        lambda p: ask(p, ("X-A", "b"), BASIC),
        "200",
    ),
    Attack(
        "a password with a NUL after it",
        lambda p: of_http(p, f"{PASSWORD}\0"),
        "401",
        lambda p: of_http(p, PASSWORD),
        "200",
    ),
    Attack(
        "POP3: whether there is such a name",
        lambda p: user_is_known(p, "nobody@one.example"),
        "+OK -ERR [AUTH]",
        lambda p: user_is_known(p, MINE),
        "+OK +OK",
    ),
)
