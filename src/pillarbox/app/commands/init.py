"""`pillarbox init`: from nothing to a provider that can be served."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pillarbox.app.commands.installation import Installation, Refused, config_option, json_option
from pillarbox.config.schema import DEFAULT_PATH, Config, options

if TYPE_CHECKING:
    from pillarbox.app.privileges import Identity

_DEFAULTS = {option.name: option.default for option in options(Config)}
EXAMPLE_ACCOUNT = "postmaster"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What was asked for."""

    domain: str
    hostname: str
    address: str
    name: str
    data: Path
    user: str
    certificate: tuple[Path, Path] | None
    ports_from: int | None


@click.command("init")
@click.argument("domain")
@click.option("--hostname", help="This machine's name in the DNS.  [default: mail.DOMAIN]")
@click.option(
    "--account", default=EXAMPLE_ACCOUNT, show_default=True, help="The first account, a name in the domain."
)
@click.option("--name", default="", help="What to call its owner.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=_DEFAULTS["data"],
    show_default=True,
    help="The folder for mail, accounts and queue.",
)
@click.option(
    "--user",
    default=_DEFAULTS["user"],
    show_default=True,
    help="Whom the server becomes when root starts it, and whose the data is.",
)
@click.option(
    "--certificate",
    nargs=2,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="CHAIN KEY",
    help="PEM files of a certificate for the hostname. Without it Pillarbox makes one to begin with.",
)
@click.option(
    "--ports-from",
    type=click.IntRange(1024, 65_500),
    help="Listen on consecutive ports from this one on, instead of the registered ones.",
)
@config_option
@json_option
def command(
    domain: str,
    hostname: str | None,
    account: str,
    config_path: Path,
    as_json: bool,
    **given: object,
) -> None:
    """Set up a provider for DOMAIN: configuration, data directory, and a first account.

    Tells the account's password, once, and which DNS records to set.
    """
    here = Installation(config_path, as_json=as_json)
    try:
        with here.refusals():
            wanted = _wanted(domain, hostname, account, given)
            _set_up(here, wanted)
    finally:
        here.close()


def _wanted(domain: str, hostname: str | None, account: str, given: dict[str, object]) -> _Wanted:
    from pillarbox.directory.naming import domain_name, parse_address

    name = domain_name(domain)
    address = account if "@" in account else f"{account}@{name}"
    parse_address(address)
    return _Wanted(domain=name, hostname=domain_name(hostname or f"mail.{name}"), address=address, **given)  # type: ignore[arg-type] # click made these what the fields say


def _set_up(here: Installation, wanted: _Wanted) -> None:
    from pillarbox.app.commands.passwords import generated

    server = _server(wanted)
    text = _config_text(wanted, server)
    _refuse_to_overwrite(here, wanted)
    _check_text(text, here.config_path)
    _make_data_directory(wanted.data, server)
    _write_config(here.config_path, text)
    password = generated()
    _first_account(here, wanted, password)
    _tell(here, wanted, password)


def _server(wanted: _Wanted) -> "Identity | None":
    """Who is to serve, where root sets up. Raises `NoSuchUser`."""
    import os

    from pillarbox.app.privileges import identity

    return identity(wanted.user) if os.geteuid() == 0 else None


def _refuse_to_overwrite(here: Installation, wanted: _Wanted) -> None:
    if here.config_path.exists():
        raise Refused(
            f"{here.config_path} is there already. To add a domain to it: pillarbox domain add {wanted.domain}; "
            "for a second provider name other places: --config FILE --data DIR"
        )
    if wanted.data.exists() and any(wanted.data.iterdir()):
        raise Refused(f"{wanted.data} is not empty. Name another folder: --data DIR")


def _config_text(wanted: _Wanted, server: "Identity | None") -> str:
    from pillarbox.app.services import SERVICES
    from pillarbox.config.text import written

    values: dict[str, object] = {
        "hostname": wanted.hostname,
        "domain": wanted.domain,
        "data": wanted.data.absolute(),
    }
    if server:
        values["user"] = wanted.user
    tables: dict[str, dict[str, object]] = {}
    if wanted.certificate:
        chain, key = (path.absolute() for path in wanted.certificate)
        tables["[[certificates]]"] = {"chain": chain, "key": key}
    if wanted.ports_from is not None:
        names = (name for name in SERVICES if name != "lmtp")
        tables["[listen]"] = {name: [f"*:{wanted.ports_from + place}"] for place, name in enumerate(names)}
    return written(values, tables)


def _check_text(text: str, path: Path) -> None:
    """What is written must be what is understood, before anything is made."""
    from pillarbox.app.configured import endpoints, settings
    from pillarbox.config.file import parse
    from pillarbox.world.tls.server import ServerTls

    config = parse(text, path)
    endpoints(config)
    found = settings(config).certificates
    if found:
        ServerTls(found)


def _make_data_directory(data: Path, server: "Identity | None") -> None:
    import os

    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    if server:
        os.chown(data, server.user, server.group)
        data.chmod(0o700)


def _write_config(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("x", encoding="utf-8") as file:
        file.write(text)


def _first_account(here: Installation, wanted: _Wanted, password: str) -> None:
    from pillarbox.admin import accounts, domains
    from pillarbox.app.commands.passwords import hashed

    here.write(domains.add, wanted.domain, now_ms=here.now_ms)
    new = hashed(here, wanted.address, password, name=wanted.name)
    here.write(accounts.create, new, now_ms=here.now_ms)


def _tell(here: Installation, wanted: _Wanted, password: str) -> None:
    from pillarbox.admin.dns_records import for_domain, for_host

    records = (*for_host(wanted.hostname), *for_domain(wanted.domain, wanted.hostname))
    option = "" if here.config_path == DEFAULT_PATH else f" --config {here.config_path}"
    lines = [
        f"Pillarbox is set up for {wanted.domain}.",
        "",
        f"  Configuration  {here.config_path}",
        f"  Data           {wanted.data}",
        f"  Account        {wanted.address}",
        f"  Password       {password}   (not shown again)",
        "",
        "DNS records to set:",
        "",
        *(f"  {record.zone_line}\n      {record.why}" for record in records),
        "",
        f"Start it:  pillarbox serve{option}",
        f"Look whether others will find it:  pillarbox check{option}",
    ]
    data = {
        "config": here.config_path,
        "data": wanted.data,
        "domain": wanted.domain,
        "hostname": wanted.hostname,
        "account": wanted.address,
        "password": password,
        "dns": records,
    }
    here.say(data, "\n".join(lines))
