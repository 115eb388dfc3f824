"""The configuration file: what must be known before Pillarbox starts. Everything else lives in its database.

One TOML file. Each option is a field with its type, its default and a `Description`: a sentence, a unit, and whether
a change needs a restart (`config.options`). Those of a table are in its file of `config.sections`, the others here. The
example file and the page of the manual are derived from the fields (`config.text`); `config.file` reads and checks the
file.

The checked `Config` is what the parts of Pillarbox are given: an option is one field, read where it is needed under
the same name. Values that need more than the file (certificates, addresses) are in `app.resolved`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from typing import Annotated, get_args, get_origin, get_type_hints

from msgspec import Meta

from pillarbox.config.data_directory import DataDirectory
from pillarbox.config.options import Applies, Description
from pillarbox.config.sections.authentication import Authentication
from pillarbox.config.sections.certificates import Certificate
from pillarbox.config.sections.http import Http
from pillarbox.config.sections.limits import Limits
from pillarbox.config.sections.listen import Listen
from pillarbox.config.sections.log import Log
from pillarbox.config.sections.passwords import Passwords
from pillarbox.config.sections.push import Push
from pillarbox.config.sections.relay import Relay
from pillarbox.config.sections.reports import Reports
from pillarbox.config.sections.resolver import Resolver
from pillarbox.config.sections.sign_in import SignIn

DEFAULT_PATH = Path("/etc/pillarbox/pillarbox.toml")
"""The default of `--config`."""


class ConfigWrong(Exception):
    """The configuration can't be used. The text says where, why, and what to do."""


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
    relay: Relay = field(default_factory=Relay)
    resolver: Resolver = field(default_factory=Resolver)
    authentication: Authentication = field(default_factory=Authentication)
    reports: Reports = field(default_factory=Reports)
    http: Http = field(default_factory=Http)
    push: Push = field(default_factory=Push)
    passwords: Passwords = field(default_factory=Passwords)
    sign_in: SignIn = field(default_factory=SignIn)
    limits: Limits = field(default_factory=Limits)
    log: Log = field(default_factory=Log)
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


def sections() -> Iterator[tuple[str, type, bool]]:
    """The tables of the file: name, dataclass, and whether it may be given several times."""
    for name, hint in get_type_hints(Config).items():
        if isinstance(hint, type) and is_dataclass(hint):
            yield name, hint, False
        elif get_origin(hint) is tuple and is_dataclass(get_args(hint)[0]):
            yield name, get_args(hint)[0], True
