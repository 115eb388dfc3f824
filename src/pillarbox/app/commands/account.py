"""`pillarbox account`: who may log in and receive."""

import click

from pillarbox.app.commands.amounts import Octets, shown
from pillarbox.app.commands.installation import Installation, Refused, on_installation, table
from pillarbox.app.commands.passwords import hashed, obtain, password_options


@click.group("account")
def command() -> None:
    """Accounts: people and programs that log in and receive mail."""


@command.command("add")
@click.argument("address")
@click.option("--name", default="", help="What to call its owner.")
@click.option("--quota", type=Octets(), help="What it may hold; without it, what its domain says.")
@password_options
@on_installation
def add(here: Installation, address: str, name: str, quota: int | None, ask: bool, stdin: bool) -> None:
    """Make an account. Its password is made here and shown once, unless you give one."""
    from dataclasses import replace

    from pillarbox.admin import accounts

    password, made_here = obtain(ask=ask, stdin=stdin)
    new = replace(hashed(here, address, password, name=name), quota_octets=quota)
    account = here.write(accounts.create, new, now_ms=here.now_ms)
    shown_password = {"password": password} if made_here else {}
    text = f"{account.login} may log in and receive."
    if made_here:
        text += f"\n\n  Password: {password}\n\nIt is not shown again."
    here.say({"login": account.login, **shown_password}, text)


@command.command("list")
@click.option("--domain", help="Only those of this domain.")
@on_installation
def listed(here: Installation, domain: str | None) -> None:
    """All accounts, with what they hold."""
    from pillarbox.admin import accounts

    found = here.read(accounts.listing, domain=domain)
    rows = (
        (
            one.login,
            one.name,
            one.messages,
            shown(one.used_octets),
            shown(one.quota_octets),
            "" if one.enabled else "disabled",
        )
        for one in found
    )
    here.say(found, table(("LOGIN", "NAME", "MESSAGES", "USED", "QUOTA", ""), rows))


@command.command("show")
@click.argument("login")
@on_installation
def show(here: Installation, login: str) -> None:
    """One account."""
    from pillarbox.admin import accounts

    one = here.read(accounts.profile, login)
    rows = (
        ("Login", one.login),
        ("Name", one.name),
        ("Addresses", ", ".join(one.addresses)),
        ("Used", f"{shown(one.used_octets)} in {one.messages} messages"),
        ("Quota", shown(one.quota_octets)),
        ("App passwords", one.app_passwords),
        ("State", "enabled" if one.enabled else "disabled: can neither log in nor receive"),
    )
    here.say(one, "\n".join(f"{head:<14}{value}" for head, value in rows))


@command.command("password")
@click.argument("login")
@password_options
@on_installation
def password(here: Installation, login: str, ask: bool, stdin: bool) -> None:
    """Give an account a new password, made here and shown once unless you give one."""
    from pillarbox.admin import accounts
    from pillarbox.directory.password_hash import ARGON2_SALT_OCTETS, hash_password
    from pillarbox.world.entropy import SystemEntropy

    salt = here.read(accounts.password_salt, login)
    new, made_here = obtain(ask=ask, stdin=stdin)
    argon2_salt = SystemEntropy().token_bytes(ARGON2_SALT_OCTETS)
    new_hash = hash_password(new, argon2_salt=argon2_salt, scram_salt=salt)
    here.write(accounts.set_password, login, new_hash, now_ms=here.now_ms)
    text = f"{login} has a new password."
    if made_here:
        text += f"\n\n  Password: {new}\n\nIt is not shown again."
    here.say({"login": login, **({"password": new} if made_here else {})}, text)


@command.command("disable")
@click.argument("login")
@on_installation
def disable(here: Installation, login: str) -> None:
    """Stop an account from logging in and receiving. Its mail stays."""
    from pillarbox.admin import accounts

    here.write(accounts.set_enabled, login, enabled=False)
    here.say({"login": login, "enabled": False}, f"{login} can neither log in nor receive.")


@command.command("enable")
@click.argument("login")
@on_installation
def enable(here: Installation, login: str) -> None:
    """Let a disabled account log in and receive again."""
    from pillarbox.admin import accounts

    here.write(accounts.set_enabled, login, enabled=True)
    here.say({"login": login, "enabled": True}, f"{login} may log in and receive again.")


@command.command("quota")
@click.argument("login")
@click.argument("size", type=Octets(), required=False)
@click.option("--of-domain", is_flag=True, help="Take what its domain says.")
@on_installation
def quota(here: Installation, login: str, size: int | None, of_domain: bool) -> None:
    """Set what an account may hold: 500M, 5G, unlimited."""
    from pillarbox.admin import accounts

    if (size is None) is not of_domain:
        raise click.UsageError("Give a size, or --of-domain.")
    here.write(accounts.set_quota, login, size)
    profile = here.read(accounts.profile, login)
    here.say(
        {"login": profile.login, "quota_octets": profile.quota_octets},
        f"{profile.login}: {shown(profile.quota_octets)}, of which {shown(profile.used_octets)} are used.",
    )


@command.command("address")
@click.argument("login")
@click.argument("address")
@click.option("--remove", is_flag=True, help="Take it away instead.")
@on_installation
def address(here: Installation, login: str, address: str, remove: bool) -> None:
    """Give an account one more address of its own, with which it may log in as well."""
    from pillarbox.admin import accounts

    here.write(accounts.remove_address if remove else accounts.add_address, login, address)
    profile = here.read(accounts.profile, login)
    here.say(profile, f"{profile.login} has: {', '.join(profile.addresses)}")


@command.command("remove")
@click.argument("login")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_installation
def remove(here: Installation, login: str, yes: bool) -> None:
    """Remove an account and all its mail, for good."""
    from pillarbox.admin import accounts

    profile = here.read(accounts.profile, login)
    question = f"Remove {profile.login} and its {profile.messages} messages, for good?"
    if not yes and (here.as_json or not click.confirm(question, err=True)):
        raise Refused("Nothing was removed. To remove without a question: --yes")
    here.write(accounts.remove, login)
    here.say(
        {"removed": profile.login, "messages": profile.messages},
        f"{profile.login} and its {profile.messages} messages are removed.",
    )
