"""`pillarbox init`: a new installation."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pillarbox.app.commands.installation import CommandFailed, Installation, config_option, json_option
from pillarbox.config.options import options
from pillarbox.config.schema import DEFAULT_PATH, Config

if TYPE_CHECKING:
    from pillarbox.app.privileges import Identity

_DEFAULTS = {option.name: option.default for option in options(Config)}
DEFAULT_ACCOUNT = "postmaster"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """The arguments, checked."""

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
@click.option("--hostname", help="This machine's host name.  [default: mail.DOMAIN]")
@click.option(
    "--account",
    default=DEFAULT_ACCOUNT,
    show_default=True,
    help="The local part of the first account's address.",
)
@click.option("--name", default="", help="The name of its owner.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=_DEFAULTS["data"],
    show_default=True,
    help="The data directory: mail, accounts and queue.",
)
@click.option(
    "--user",
    default=_DEFAULTS["user"],
    show_default=True,
    help="The user that the server runs as when started by root, and that owns the data.",
)
@click.option(
    "--certificate",
    nargs=2,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="CHAIN KEY",
    help="PEM files of a certificate for the host name. Without it, Pillarbox makes one to begin with.",
)
@click.option(
    "--ports-from",
    type=click.IntRange(1024, 65_500),
    help="Listen on consecutive ports from this one on instead of the registered ones.",
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
    """Set up a provider for DOMAIN: the configuration, the data directory, and a first account.

    The account is an owner of the provider. Prints its password (once) and the DNS records to create.
    """
    installation = Installation(config_path, as_json=as_json)
    installation.create = True
    with installation.reporting_errors(), installation:
        wanted = _wanted(domain, hostname, account, given)
        _set_up(installation, wanted)


def _wanted(domain: str, hostname: str | None, account: str, given: dict[str, object]) -> _Wanted:
    from pillarbox.directory.naming import domain_name, parse_address

    name = domain_name(domain)
    address = account if "@" in account else f"{account}@{name}"
    parse_address(address)
    return _Wanted(domain=name, hostname=domain_name(hostname or f"mail.{name}"), address=address, **given)  # type: ignore[arg-type] # click made these what the fields say


def _set_up(installation: Installation, wanted: _Wanted) -> None:
    from pillarbox.app.commands.passwords import generated

    server = _server(wanted)
    text = _config_text(wanted, server)
    _refuse_to_overwrite(installation, wanted)
    _check_text(text, installation.config_path)
    _make_data_directory(wanted.data, server)
    _write_config(installation.config_path, text)
    password = generated()
    _first_account(installation, wanted, password)
    _show_result(installation, wanted, password)


def _server(wanted: _Wanted) -> "Identity | None":
    """The user that will serve, where root runs this. Raises `NoSuchUser`."""
    import os

    from pillarbox.app.privileges import identity

    return identity(wanted.user) if os.geteuid() == 0 else None


def _refuse_to_overwrite(installation: Installation, wanted: _Wanted) -> None:
    if installation.config_path.exists():
        raise CommandFailed(
            f"{installation.config_path} already exists. To add a domain to it: pillarbox domain add {wanted.domain}; "
            "for a second installation: --config FILE --data DIR"
        )
    if wanted.data.exists() and any(wanted.data.iterdir()):
        raise CommandFailed(f"Directory not empty: {wanted.data}. Name another one: --data DIR")


def _config_text(wanted: _Wanted, server: "Identity | None") -> str:
    from pillarbox.config.services import SERVICES
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
        names = (row.name for row in SERVICES.values() if row.enabled)
        tables["[listen]"] = {name: [f"*:{wanted.ports_from + place}"] for place, name in enumerate(names)}
    return written(values, tables)


def _check_text(text: str, path: Path) -> None:
    """Check the configuration before anything is created."""
    from pillarbox.app.resolved import resolve
    from pillarbox.config.file import naming, parse
    from pillarbox.world.tls.server import ServerTls

    config = parse(text, path)
    with naming(path):
        certificates = resolve(config).certificates
    if certificates:
        ServerTls(certificates)


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


def _first_account(installation: Installation, wanted: _Wanted, password: str) -> None:
    from pillarbox.admin import accounts, dkim, domains, roles
    from pillarbox.app.commands.passwords import hashed
    from pillarbox.directory.roles import Role

    keys = dkim.fresh_keys()
    installation.write(domains.add, wanted.domain, keys=keys, now_ms=installation.now_ms)
    new = hashed(installation, wanted.address, password, name=wanted.name)
    installation.write(accounts.create, new, now_ms=installation.now_ms)
    installation.write(roles.grant, wanted.address, Role.OWNER, now_ms=installation.now_ms)


def _show_result(installation: Installation, wanted: _Wanted, password: str) -> None:
    from pillarbox.admin import dkim
    from pillarbox.admin.dns_records import dkim_record, for_domain, for_host

    ports = {name: ends[0].port for name, ends in installation.resolved.endpoints.items() if ends}
    keys = [dkim_record(key) for key in installation.read(dkim.listing, wanted.domain)]
    host = for_host(wanted.hostname, is_domain=wanted.hostname == wanted.domain)
    records = (*host, *for_domain(wanted.domain, wanted.hostname, ports), *keys)
    option = "" if installation.config_path == DEFAULT_PATH else f" --config {installation.config_path}"
    lines = [
        f"Installation created for {wanted.domain}.",
        "",
        f"  Configuration  {installation.config_path}",
        f"  Data           {wanted.data}",
        f"  Account        {wanted.address}",
        f"  Password       {password}   (not shown again)",
        "",
        "DNS records to create:",
        "",
        *(f"  {record.zone_line}\n      {record.why}" for record in records),
        "",
        f"Start the server:  pillarbox serve{option}",
        f"Check the set-up:  pillarbox check{option}",
    ]
    data = {
        "config": installation.config_path,
        "data": wanted.data,
        "domain": wanted.domain,
        "hostname": wanted.hostname,
        "account": wanted.address,
        "password": password,
        "dns": records,
    }
    installation.show(data, "\n".join(lines))
