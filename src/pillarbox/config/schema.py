"""The configuration file: what must be known before Pillarbox starts. Everything else lives in its database.

One TOML file. Each option is a field with its type, its default and `Says`: a sentence, a unit, and what it takes
for a change to apply. The example file and the page of the manual are derived from the fields
(`app.config_text`), so a new option is one field here and one use in `app.configured`.

Reading the file is `app.config_file`'s work; what the parts of Pillarbox are given is `app.settings`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from msgspec import Meta

DEFAULT_PATH = Path("/etc/pillarbox/pillarbox.toml")
"""Where commands look for it unless told otherwise."""


class ConfigWrong(Exception):
    """The configuration can't be used. The text says where, why and what to do."""


class Applies(StrEnum):
    """What it takes for a changed option to apply."""

    AT_RELOAD = "reload"
    """SIGHUP: for the connections that come after it."""
    AT_START = "restart"


@dataclass(frozen=True, slots=True)
class Says:
    """What an option is."""

    sentence: str
    unit: str = ""
    applies: Applies = Applies.AT_RELOAD
    example: str = ""
    """As TOML, where the default would not show how it is written."""


AT_START = Applies.AT_START
Endpoints = tuple[str, ...]
Count = Annotated[int, Meta(ge=1)]


def _door(port: int, what: str) -> Says:
    return Says(f"{what} The registered port is {port}.", "host:port", AT_START)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Where each service listens, as "host:port". The host may be "*" (every address, IPv4 and IPv6),
    "127.0.0.1" or "[::1]". An empty list turns a service off.
    """

    smtp: Annotated[Endpoints, _door(25, "Mail from other providers.")] = ("*:25",)
    submission: Annotated[Endpoints, _door(587, "Mail from people here, with STARTTLS.")] = ("*:587",)
    submissions: Annotated[Endpoints, _door(465, "Mail from people here, with TLS.")] = ("*:465",)
    lmtp: Annotated[
        Endpoints, _door(24, "Mail from a neighbour that is trusted, never from outside: LMTP asks nobody.")
    ] = ()
    imap: Annotated[Endpoints, _door(143, "Reading mail, with STARTTLS.")] = ("*:143",)
    imaps: Annotated[Endpoints, _door(993, "Reading mail, with TLS.")] = ("*:993",)
    pop3: Annotated[Endpoints, _door(110, "Fetching mail, with STARTTLS.")] = ("*:110",)
    pop3s: Annotated[Endpoints, _door(995, "Fetching mail, with TLS.")] = ("*:995",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What is shown to clients that use TLS: a certificate and its key, as PEM files that the service's user
    may read. The first is shown to clients that ask for a name of none. Without any, Pillarbox makes one
    itself, which protects against listeners only, and which mail programs warn of.
    """

    chain: Annotated[
        Path,
        Says(
            "The certificate, followed by those between it and its authority.",
            example='"/etc/letsencrypt/live/mail.example.org/fullchain.pem"',
        ),
    ]
    key: Annotated[
        Path, Says("Its private key.", example='"/etc/letsencrypt/live/mail.example.org/privkey.pem"')
    ]
    names: Annotated[
        tuple[str, ...], Says("Names for which it is shown; without them, those it was made for.")
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """How mail for other providers leaves. Without these, by the DNS of each recipient's domain."""

    smart_host: Annotated[
        str,
        Says(
            "Hand all mail for others to this server. On port 465 TLS comes first.",
            "host:port",
            example='"relay.example.net:587"',
        ),
    ] = ""
    smart_host_login: Annotated[
        str,
        Says("Who we are there. The connection must then be encrypted, with a certificate for its name."),
    ] = ""
    smart_host_password_file: Annotated[
        Path | None,
        Says(
            "A file that holds the password, and nothing else; readable by the service's user only.",
            example='"/etc/pillarbox/smart-host-password"',
        ),
    ] = None
    port: Annotated[
        Annotated[int, Meta(ge=1, le=65_535)],
        Says("Where servers that the DNS names are reached; anything else is for trials."),
    ] = 25
    routes: Annotated[
        Mapping[str, str],
        Says(
            "Servers for single domains, before the smart host and the DNS.",
            "host:port",
            example='{ "example.com" = "10.0.0.7:25" }',
        ),
    ] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolver:
    """Which name servers are asked."""

    servers: Annotated[
        tuple[str, ...],
        Says(
            "Recursive name servers; without them, the machine's (/etc/resolv.conf).",
            "address or address:port",
            AT_START,
        ),
    ] = ()
    trusted: Annotated[
        bool,
        Says(
            "Nobody can tamper with what these servers say on its way here; needed for DANE. Servers on "
            "this machine are always trusted.",
            applies=AT_START,
        ),
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much anybody may ask for. Each limit is answered in the protocol's own words."""

    message_octets: Annotated[
        Annotated[int, Meta(ge=65_536)], Says("The largest message that is taken.", "octets")
    ] = 50 * 1024 * 1024
    recipients: Annotated[
        Annotated[int, Meta(ge=100)], Says("Recipients of one message (RFC 5321 asks for 100).", "recipients")
    ] = 1000
    connections: Annotated[Count, Says("Open connections of one service.", "connections")] = 20_000
    connections_per_address: Annotated[Count, Says("Of these, from one address.", "connections")] = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole file."""

    hostname: Annotated[
        str,
        Says(
            "The name of this machine in greetings and trace fields: its address leads back to it.",
            example='"mail.example.org"',
        ),
    ]
    domain: Annotated[
        str,
        Says("The domain of addresses written without one, such as <Postmaster>.", example='"example.org"'),
    ]
    data: Annotated[
        Path, Says("The folder that holds everything: mail, accounts, queue.", applies=AT_START)
    ] = Path("/var/lib/pillarbox")
    user: Annotated[
        str, Says("Whom to become after the ports are bound, when started by root.", applies=AT_START)
    ] = "pillarbox"
    group: Annotated[str, Says("With this group; without it, the user's own.", applies=AT_START)] = ""
    workers: Annotated[
        Annotated[int, Meta(ge=1, le=64)], Says("Processes that serve.", "processes", AT_START)
    ] = 1
    plain_passwords: Annotated[
        bool, Says("Let people send passwords without TLS. Only on a network where nobody listens.")
    ] = False
    listen: Listen = Listen()
    certificates: tuple[Certificate, ...] = ()
    relay: Relay = Relay()
    resolver: Resolver = Resolver()
    limits: Limits = Limits()
    # What only the demo and tests set: fields without `Says` are no options of the file.
    separate_domains: bool = False
    """Each domain is a provider of its own: what somebody of one submits for another goes by queue and relay."""
    local_names: Mapping[str, str] | None = None
    """Names answered with an address inside, all others failing at once; `None` asks the machine's resolvers.
    A name with this address is also its own mail exchanger."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option, for texts derived from the fields."""

    name: str
    kind: str
    says: Says
    default: object
    """`None`: it must be given."""
    required: bool


def options(section: type) -> Iterator[Option]:
    """The options of a section, in the order of its fields."""
    hints = get_type_hints(section, include_extras=True)
    for one in fields(section):
        says = next((note for note in get_args(hints[one.name])[1:] if isinstance(note, Says)), None)
        if says:
            required = one.default is MISSING and one.default_factory is MISSING
            default = one.default if one.default_factory is MISSING else one.default_factory()
            yield Option(one.name, _kind(hints[one.name]), says, None if required else default, required)


def sections() -> Iterator[tuple[str, type, bool]]:
    """The tables of the file: name, dataclass, and whether it may be given several times."""
    for name, hint in get_type_hints(Config).items():
        if isinstance(hint, type) and is_dataclass(hint):
            yield name, hint, False
        elif get_origin(hint) is tuple and is_dataclass(get_args(hint)[0]):
            yield name, get_args(hint)[0], True


def _kind(hint: Any) -> str:
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if hint in (Path, str, Path | None):
        return "text"
    if hint is bool:
        return "true or false"
    if hint is int:
        return "number"
    return "list of texts" if get_origin(hint) is tuple else "table of texts"
