"""The configuration file: what must be known before Pillarbox starts. Everything else lives in its database.

One TOML file. Each option is a field with its type, its default and a `Description`: a sentence, a unit, and whether
a change needs a restart. The example file and the page of the manual are derived from the fields (`config.text`);
`config.file` reads and checks the file.

The checked `Config` is what the parts of Pillarbox are given: an option is one field here, read where it is needed
under the same name. Values that need more than the file (certificates, addresses) are in `app.resolved`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, make_dataclass
from enum import Enum, StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin, get_type_hints

from msgspec import Meta

from pillarbox.config.data_directory import DataDirectory
from pillarbox.config.services import SERVICES, ServiceRow

DEFAULT_PATH = Path("/etc/pillarbox/pillarbox.toml")
"""The default of `--config`."""


class ConfigWrong(Exception):
    """The configuration can't be used. The text says where, why, and what to do."""


class Applies(StrEnum):
    """What makes a changed option take effect."""

    AT_RELOAD = "reload"
    """SIGHUP, for connections that are made afterwards."""
    AT_START = "restart"


@dataclass(frozen=True, slots=True)
class Description:
    """The documentation of an option."""

    sentence: str
    unit: str = ""
    applies: Applies = Applies.AT_RELOAD
    example: str = ""
    """As TOML, where the default does not show how a value is written."""


def _of_service(row: ServiceRow) -> Description:
    sentence = row.sentence if row.usual else f"{row.sentence} The registered port is {row.port}."
    return Description(
        sentence, "host:port", Applies.AT_START, example=f'["{row.usual}"]' if row.usual else ""
    )


Endpoints = tuple[str, ...]
Count = Annotated[int, Meta(ge=1)]


if TYPE_CHECKING:

    @dataclass(frozen=True)
    class Listen:
        """For mypy, which can't look into a class that is made at run time."""

        def __init__(self, **endpoints: Endpoints) -> None: ...

        def __getattr__(self, name: str) -> Endpoints: ...

else:
    Listen = make_dataclass(
        "Listen",
        [
            (
                row.name,
                Annotated[
                    Endpoints,
                    _of_service(row),
                ],
                field(default=row.endpoints),
            )
            for row in SERVICES.values()
        ],
        namespace={
            "__doc__": """Addresses and ports to listen on, as "host:port". The host is "*" (all IPv4 and IPv6
            addresses), "127.0.0.1" or "[::1]". An empty list turns a service off."""
        },
        frozen=True,
        slots=True,
        kw_only=True,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate and its key for TLS, as PEM files that the service's user can read. Clients that send no
    server name, or an unknown one, get the first. Without any, Pillarbox makes one itself: it protects
    against eavesdroppers only, and mail programs warn about it.
    """

    chain: Annotated[
        Path,
        Description(
            "The certificate, followed by the intermediate certificates.",
            example='"/etc/letsencrypt/live/mail.example.org/fullchain.pem"',
        ),
    ]
    key: Annotated[
        Path, Description("Its private key.", example='"/etc/letsencrypt/live/mail.example.org/privkey.pem"')
    ]
    names: Annotated[
        tuple[str, ...],
        Description("Server names to use it for; without them, the names in the certificate."),
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """How mail for other providers is sent. By default, to the MX hosts of each recipient's domain."""

    smart_host: Annotated[
        str,
        Description(
            "Send all mail for other providers through this server. Port 465 means implicit TLS.",
            "host:port",
            example='"relay.example.net:587"',
        ),
    ] = ""
    smart_host_login: Annotated[
        str,
        Description(
            "Log in to the smart host under this name. TLS with a valid certificate for its name is then required."
        ),
    ] = ""
    smart_host_password_file: Annotated[
        Path | None,
        Description(
            "A file that holds only the password, readable by the service's user alone.",
            example='"/etc/pillarbox/smart-host-password"',
        ),
    ] = None
    port: Annotated[
        Annotated[int, Meta(ge=1, le=65_535)],
        Description("The port of MX hosts; anything but 25 is for testing."),
    ] = 25
    routes: Annotated[
        Mapping[str, str],
        Description(
            "Servers for single domains; they take precedence over the smart host and MX records. A host is an "
            "address, or a name in the DNS or the hosts file of the machine.",
            "host:port",
            example='{ "example.com" = "10.0.0.7:25" }',
        ),
    ] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolver:
    """The DNS resolver."""

    servers: Annotated[
        tuple[str, ...],
        Description(
            "Recursive name servers; without them, those of /etc/resolv.conf.",
            "address or address:port",
            Applies.AT_START,
        ),
    ] = ()
    trusted: Annotated[
        bool,
        Description(
            "Trust the DNSSEC validation (AD bit) of these servers, since nobody can tamper with the path to them; "
            "needed for DANE. Servers on this machine are always trusted; beside them no others are asked.",
            applies=Applies.AT_START,
        ),
    ] = False


class FailedDmarc(StrEnum):
    """What becomes of mail that fails DMARC, at most."""

    REJECT = "reject"
    QUARANTINE = "quarantine"
    MARK = "mark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authentication:
    """Whether mail from others is by whom it says (SPF, DKIM, ARC, DMARC)."""

    judge: Annotated[
        bool,
        Description(
            "Judge mail from others. Off only where another server stands before this one and has done so: "
            "what would be judged here is that server."
        ),
    ] = True
    dmarc: Annotated[
        FailedDmarc,
        Description(
            "What becomes of mail that fails DMARC where its author's domain asks for it: `reject` refuses it, "
            "`quarantine` puts into Junk what is to be refused as well, `mark` only writes down the result."
        ),
    ] = FailedDmarc.QUARANTINE
    trusted_sealers: Annotated[
        tuple[str, ...],
        Description(
            "Domains of mailing lists and forwarders that are believed, when they say that mail passed DMARC "
            "before they changed it (ARC).",
            "domains",
            example='["lists.example.org"]',
        ),
    ] = ()
    bimi: Annotated[
        bool,
        Description(
            "Look for the image that a domain asks to be shown beside its mail (BIMI) where DMARC has passed, and "
            "write down the result. The image is fetched from the sender's web server, at most once a day for each "
            "domain (every four hours where that fails), so that it learns that mail came."
        ),
    ] = False
    bimi_roots: Annotated[
        Path | None,
        Description(
            "A PEM file with the root certificates of authorities that are believed to know whose image is whose. "
            "With it, mark certificates (VMC, CMC) are fetched and checked, but not whether they were revoked. "
            "Without it, they are not looked at, and any domain may show any image.",
            example='"/etc/pillarbox/mark-authorities.pem"',
        ),
    ] = None
    smime_roots: Annotated[
        Path | None,
        Description(
            "A PEM file with the root certificates of authorities that are believed to know whose signatures are "
            "whose (S/MIME). Without it, those of the system are believed. Whether certificates were revoked is not "
            "asked.",
            example='"/etc/pillarbox/mail-authorities.pem"',
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Http:
    """HTTP and HTTPS."""

    url: Annotated[
        str,
        Description(
            "Where web clients reach this server: what IMAP clients are told of JMAP (RFC 9698), and what links lead "
            "to where the host that was asked is not one of ours. By default HTTPS at `hostname`.",
            example='"https://mail.example.org"',
        ),
    ] = ""
    trusted_proxies: Annotated[
        tuple[str, ...],
        Description(
            "Proxies whose word is taken for who asks, for what host, and whether with TLS (Forwarded, or "
            "X-Forwarded-For, -Host and -Proto). They must set these fields, and pass on none of a client's. "
            "Their connections are not limited by address.",
            "networks",
            example='["127.0.0.1", "10.1.0.0/24"]',
        ),
    ] = ()
    passkey_domain: Annotated[
        str,
        Description(
            "The domain that passkeys are made for: the host of `url`, which is the default, or a domain above it in "
            "which all hosts are yours. When it changes, all passkeys that people have made are of no use any more.",
            example='"example.org"',
        ),
    ] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """Reports to other domains about their mail: what SPF, DKIM and DMARC say of it, and how the TLS of deliveries to
    them went. They have numbers, addresses of servers and names of domains, and nothing of any message.
    """

    send: Annotated[
        bool,
        Description(
            "Send reports once a day, to domains that ask for them in the DNS. They come from the postmaster of "
            "`domain`."
        ),
    ] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """Notifications to devices that are not connected, by the push services of their browsers and systems (Web Push).
    They are encrypted for devices that have given keys, as browsers do; a push service learns when there is one, and
    who sends it.
    """

    subject: Annotated[
        str,
        Description(
            "Where the operators of push services reach you, as a mailto: or https: URL; without it, the postmaster "
            "of `domain`. Apple's refuses all notifications where it is no address or page on the Internet.",
            example='"mailto:postmaster@example.org"',
        ),
    ] = ""
    allowed_networks: Annotated[
        tuple[str, ...],
        Description(
            "Networks of your own in which push services may be, such as one for an intranet. Clients say where "
            "notifications are sent, so that all other addresses which are not public are refused.",
            "networks",
            Applies.AT_START,
            example='["10.1.0.0/24"]',
        ),
    ] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Passwords:
    """What passwords must be that people choose."""

    shortest: Annotated[
        Annotated[int, Meta(ge=1, le=64)],
        Description("The shortest password that is accepted.", "characters"),
    ] = 8
    breached: Annotated[
        Path | None,
        Description(
            "A file of the SHA-1 hashes of passwords that are known to be stolen, sorted, each with how often it was "
            "seen (HASH:COUNT), as Have I Been Pwned offers it. Such a password is refused when it is set. The file is "
            "only read, and nobody else is asked.",
            example='"/var/lib/pwned-passwords.txt"',
        ),
    ] = None
    reset_by_mail: Annotated[
        bool,
        Description(
            "Send links for a new password to the recovery addresses that people have confirmed. They lead to "
            "`http.url`. Off, only an operator can make such a link (pillarbox account reset-link)."
        ),
    ] = True


Days = Annotated[int, Meta(ge=1, le=3650)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Signing in, and what is kept of it."""

    session_days: Annotated[
        Days,
        Description("How long a browser stays signed in that is not used.", "days"),
    ] = 30
    longest_session_days: Annotated[
        Days,
        Description("How long a browser stays signed in at most, however much it is used.", "days"),
    ] = 365
    history_days: Annotated[
        Days,
        Description(
            "How long the last sign-ins of an account are kept, and the devices that have not signed in since.",
            "days",
        ),
    ] = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits for clients and other servers. Each is answered with the error that its protocol has for it."""

    message_octets: Annotated[
        Annotated[int, Meta(ge=65_536)],
        Description("The largest message that is accepted, by SMTP, LMTP or IMAP APPEND.", "octets"),
    ] = 50 * 1024 * 1024
    recipients: Annotated[
        Annotated[int, Meta(ge=100)],
        Description("Recipients of one message (RFC 5321 asks for at least 100).", "recipients"),
    ] = 1000
    connections: Annotated[Count, Description("Open connections to one service.", "connections")] = 20_000
    memory_octets: Annotated[
        Annotated[int, Meta(ge=16 * 1024 * 1024)],
        Description(
            "What messages under way may take of the memory of one worker; three eighths of it are for "
            "strangers. Beyond it clients wait, then they are told to try "
            "again later. The pages of the database that a worker keeps in memory take up to as much again.",
            "octets",
        ),
    ] = 256 * 1024 * 1024
    connections_per_address: Annotated[
        Count,
        Description("Open connections to one service from one IPv4 address or IPv6 /64.", "connections"),
    ] = 500


class LogLevel(StrEnum):
    """How much is logged: this, and what is worse."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How an event is written."""

    AUTO = "auto"
    JSON = "json"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The log: one line for each event, on standard error (where systemd's journal takes it) or in a file, which
    `pillarbox log` shows."""

    level: Annotated[LogLevel, Description('Log events of this level and above. Each message is "info".')] = (
        LogLevel.INFO
    )
    format: Annotated[
        LogFormat,
        Description('JSON, or lines for people; "auto" is text on a terminal and JSON elsewhere.'),
    ] = LogFormat.AUTO
    file: Annotated[
        Path | None,
        Description(
            "Log to this file, in a folder in which the service's user may write. Only that user can read it. It is "
            "opened anew on SIGHUP.",
            example='"/var/log/pillarbox/pillarbox.log"',
        ),
    ] = None
    file_octets: Annotated[
        Annotated[int, Meta(ge=65_536)],
        Description("When the file is larger, it becomes FILE.1, in the place of an older one.", "octets"),
    ] = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole file, checked: see `config.file` for what always holds."""

    hostname: Annotated[
        str,
        Description(
            "This machine's host name, for greetings and Received fields. It resolves to this machine's "
            "address, and the address back to it.",
            example='"mail.example.org"',
        ),
    ]
    domain: Annotated[
        str,
        Description("The domain of addresses that have none, such as <Postmaster>.", example='"example.org"'),
    ]
    data: Annotated[
        Path, Description("The data directory: mail, accounts and queue.", applies=Applies.AT_START)
    ] = Path("/var/lib/pillarbox")
    user: Annotated[
        str,
        Description(
            "The user to run as when started by root, after the ports are bound.", applies=Applies.AT_START
        ),
    ] = "pillarbox"
    group: Annotated[
        str, Description("The group to run as; without it, the user's own.", applies=Applies.AT_START)
    ] = ""
    workers: Annotated[
        Annotated[int, Meta(ge=1, le=64)], Description("Worker processes.", "processes", Applies.AT_START)
    ] = 1
    plain_passwords: Annotated[
        bool, Description("Allow passwords without TLS. Only for networks where nobody can eavesdrop.")
    ] = False
    listen: Listen = field(default_factory=Listen)
    certificates: tuple[Certificate, ...] = ()
    relay: Relay = Relay()
    resolver: Resolver = Resolver()
    authentication: Authentication = Authentication()
    reports: Reports = Reports()
    http: Http = Http()
    push: Push = Push()
    passwords: Passwords = Passwords()
    sign_in: SignIn = SignIn()
    limits: Limits = Limits()
    log: Log = Log()
    # Only the demo and tests set these: fields without a description are no options of the file.
    separate_domains: bool = False
    """Each domain acts as a provider of its own: mail submitted in one for another goes through queue and relay."""
    more_origins: tuple[str, ...] = ()
    """Other origins whose pages may use passkeys, as "http://localhost:8080"."""
    local_names: Mapping[str, str] | None = None
    """The only names that resolve, with their addresses; each name is also its own MX. `None`: use the DNS."""

    @property
    def web_url(self) -> str:
        """Where web clients reach this server, without a final slash; empty where it does not serve them."""
        if self.http.url or not (self.listen.https or self.listen.http):
            return self.http.url
        # Without TLS here, a proxy in front has it, at the registered port
        port = self.listen.https[0].rpartition(":")[2] if self.listen.https else "443"
        return f"https://{self.hostname}" + (f":{port}" if port != "443" else "")

    @property
    def data_directory(self) -> DataDirectory:
        """The files in `data`."""
        return DataDirectory(self.data)

    @property
    def push_subject(self) -> str:
        """Whom push services may write to, as a URL."""
        return self.push.subject or f"mailto:postmaster@{self.domain}"


@dataclass(frozen=True, slots=True)
class Option:
    """One option, for texts that are derived from the fields."""

    name: str
    kind: str
    description: Description
    default: object
    """`None` where it is required."""
    required: bool


def options(section: type) -> Iterator[Option]:
    """The options of a section, in the order of its fields."""
    hints = get_type_hints(section, include_extras=True)
    for entry in fields(section):
        notes = get_args(hints[entry.name])[1:]
        description = next((note for note in notes if isinstance(note, Description)), None)
        if description:
            required = entry.default is MISSING and entry.default_factory is MISSING
            default = entry.default if entry.default_factory is MISSING else entry.default_factory()
            kind = _kind(hints[entry.name])
            yield Option(entry.name, kind, description, None if required else default, required)


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
    if isinstance(hint, type) and issubclass(hint, Enum):
        return "one of " + ", ".join(f'"{member.value}"' for member in hint)
    return "list of texts" if get_origin(hint) is tuple else "table of texts"
