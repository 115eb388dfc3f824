"""`pillarbox account`: who can log in and receive mail."""

from typing import BinaryIO

import click

from pillarbox.app.commands import account_devices
from pillarbox.app.commands.amounts import Octets, shown
from pillarbox.app.commands.browsers import sessions, sign_out
from pillarbox.app.commands.installation import (
    CommandFailed,
    Installation,
    counted,
    on_installation,
    table,
    with_warnings,
)
from pillarbox.app.commands.passwords import (
    hash_given,
    hashed,
    lines_of,
    obtain,
    password_options,
    password_shown,
)
from pillarbox.app.commands.renamed import keep_address_option, renamed_lines
from pillarbox.app.commands.reset_link import reset_link
from pillarbox.app.commands.second_factor import recovery_codes, second_factor
from pillarbox.mail.visible import visible


@click.group("account")
def command() -> None:
    """Manage accounts: people and programs that log in and receive mail."""


command.add_command(sessions)
command.add_command(sign_out)
command.add_command(reset_link)
command.add_command(second_factor)
command.add_command(recovery_codes)
for _of_devices in (account_devices.sign_ins, account_devices.devices_command, account_devices.notify):
    command.add_command(_of_devices)


@command.command("add")
@click.argument("address")
@click.option("--name", default="", help="The owner's name.")
@click.option("--quota", type=Octets(), help="The quota; by default that of the domain.")
@password_options
@on_installation
def add(
    installation: Installation, address: str, name: str, quota: int | None, ask: bool, stdin: bool
) -> None:
    """Create an account. The password is generated and shown once, unless you give one."""
    from dataclasses import replace

    from pillarbox.admin import accounts

    password, generated = obtain(installation, ask=ask, stdin=stdin)
    new = replace(hashed(installation, address, password, name=name), quota_octets=quota)
    account = installation.write(accounts.create, new, now_ms=installation.now_ms)
    data, text = {"login": account.login}, f"Account created: {account.login}"
    if generated:
        data, text = {**data, "password": password}, text + password_shown(password)
    installation.show(data, text)


@command.command("list")
@click.option("--domain", help="Only accounts of this domain.")
@on_installation
def list_accounts(installation: Installation, domain: str | None) -> None:
    """List accounts with their usage and quota."""
    from pillarbox.admin import accounts

    found = installation.read(accounts.listing, domain=domain)
    rows = (
        (
            profile.login,
            profile.name,
            profile.messages,
            shown(profile.used_octets),
            shown(profile.quota_octets),
            "" if profile.enabled else "disabled",
        )
        for profile in found
    )
    installation.show(found, table(("LOGIN", "NAME", "MESSAGES", "USED", "QUOTA", ""), rows))


@command.command("show")
@click.argument("login")
@on_installation
def show(installation: Installation, login: str) -> None:
    """Show an account."""
    from pillarbox.admin import accounts

    profile = installation.read(accounts.profile, login)
    rows = (
        ("Login", profile.login),
        ("Name", profile.name),
        ("Addresses", ", ".join(profile.addresses)),
        ("Used", f"{shown(profile.used_octets)} in {counted(profile.messages, 'message')}"),
        ("Quota", shown(profile.quota_octets)),
        ("App passwords", profile.app_passwords),
        ("Status", "enabled" if profile.enabled else "disabled (can't log in or receive mail)"),
    )
    installation.show(profile, "\n".join(f"{head:<14}{value}" for head, value in rows))


@command.command("password")
@click.argument("login")
@password_options
@click.option(
    "--hash",
    "given",
    help="Set a hash that another server has made instead; - reads it from standard input.",
)
@click.option(
    "--keep-sessions", is_flag=True, help="Leave logged in what has logged in with the old password."
)
@on_installation
def password(
    installation: Installation, login: str, ask: bool, stdin: bool, given: str | None, keep_sessions: bool
) -> None:
    """Change an account's password. It is generated and shown once, unless you give one.

    Its sessions end; those of app passwords go on.
    """
    from pillarbox.admin import accounts
    from pillarbox.directory.sign_in.password_hash import ARGON2_SALT_OCTETS, PasswordHash, hash_password
    from pillarbox.world.entropy import SystemEntropy

    salt = installation.read(accounts.password_salt, login)
    entropy, new = SystemEntropy(), ""
    new_hash: PasswordHash | str
    if given is not None:
        if ask or stdin:
            raise click.UsageError("Give --hash, --ask or --password-stdin, not two of them.")
        new_hash = accounts.hash_for(hash_given(given), salt=salt, entropy=entropy)
        if given != "-" and not isinstance(new_hash, str):
            raise CommandFailed("A password is never an argument. Give it on standard input: --hash -")
    else:
        chosen, generated = obtain(installation, ask=ask, stdin=stdin)
        new = chosen if generated else ""
        argon2_salt = entropy.token_bytes(ARGON2_SALT_OCTETS)
        new_hash = hash_password(chosen, argon2_salt=argon2_salt, scram_salt=salt)
    now_ms = installation.now_ms
    installation.write(
        accounts.set_password,
        login,
        new_hash,
        now_ms=now_ms,
        keep_sessions=keep_sessions,
        doing=installation.doing,
    )
    data, text = {"login": login}, f"Password changed: {login}"
    if new:
        data, text = {**data, "password": new}, text + password_shown(new)
    installation.show(data, text)


@command.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Only say what would become of each line.")
@on_installation
def import_passwords(installation: Installation, file: BinaryIO, dry_run: bool) -> None:
    """Set passwords by hashes of another server, from lines of LOGIN:HASH; - is standard input.

    Dovecot's passwd-file and /etc/shadow are such files. The accounts must exist. A line that can't be used stops no
    other; the exit code is then 1.
    """
    from pillarbox.admin import importing_passwords
    from pillarbox.admin.importing_passwords import Outcome
    from pillarbox.world.entropy import SystemEntropy

    results = list(
        importing_passwords.import_lines(
            installation.database,
            lines_of(file),
            entropy=SystemEntropy(),
            now_ms=installation.now_ms,
            dry_run=dry_run,
        )
    )
    rows = ((one.line, one.login, one.outcome.value, one.reason) for one in results)
    counts = {outcome: sum(one.outcome is outcome for one in results) for outcome in Outcome}
    said = "would be set" if dry_run else "set"
    total = f"{counts[Outcome.SET]} {said}, {counts[Outcome.UNCHANGED]} unchanged, {counts[Outcome.REFUSED]} refused"
    installation.show(results, f"{table(('LINE', 'LOGIN', '', ''), rows)}\n\nPasswords: {total}")
    if counts[Outcome.REFUSED]:
        raise SystemExit(1)


@command.command("disable")
@click.argument("login")
@on_installation
def disable(installation: Installation, login: str) -> None:
    """Disable an account: it can't log in or receive mail, and open sessions end. Its mail is kept."""
    from pillarbox.admin import accounts

    installation.write(accounts.set_enabled, login, enabled=False)
    installation.show({"login": login, "enabled": False}, f"Account disabled: {login}")


@command.command("enable")
@click.argument("login")
@on_installation
def enable(installation: Installation, login: str) -> None:
    """Enable a disabled account."""
    from pillarbox.admin import accounts

    installation.write(accounts.set_enabled, login, enabled=True)
    installation.show({"login": login, "enabled": True}, f"Account enabled: {login}")


@command.command("quota")
@click.argument("login")
@click.argument("size", type=Octets(), required=False)
@click.option("--of-domain", is_flag=True, help="Use the domain's quota.")
@on_installation
def quota(installation: Installation, login: str, size: int | None, of_domain: bool) -> None:
    """Set an account's quota: 500M, 5G, unlimited."""
    from pillarbox.admin import accounts

    if (size is None) is not of_domain:
        raise click.UsageError("Give a size, or --of-domain.")
    installation.write(accounts.set_quota, login, size)
    profile = installation.read(accounts.profile, login)
    installation.show(
        {"login": profile.login, "quota_octets": profile.quota_octets},
        f"Quota changed: {profile.login}: {shown(profile.quota_octets)} ({shown(profile.used_octets)} used)",
    )


@command.command("address")
@click.argument("login")
@click.argument("address")
@click.option("--remove", is_flag=True, help="Remove the address instead.")
@on_installation
def address(installation: Installation, login: str, address: str, remove: bool) -> None:
    """Add an address to an account. It can also be used to log in."""
    from pillarbox.admin import accounts

    dangling = installation.write(accounts.remove_address if remove else accounts.add_address, login, address)
    profile = installation.read(accounts.profile, login)
    text = f"Addresses of {profile.login}: {', '.join(profile.addresses)}"
    installation.show(profile, with_warnings(text, dangling))


@command.command("rename")
@click.argument("login")
@click.argument("address")
@keep_address_option
@on_installation
def rename(installation: Installation, login: str, address: str, keep_address: bool) -> None:
    """Give an account another address, which is its login. Mail, passwords and app passwords are kept.

    Its sessions are ended, unless only the writing changes: clients log in anew. It may be an address that the account
    has already. Aliases that lead to the old address lead to the new one, and reports about queued mail go there.
    """
    from dataclasses import asdict

    from pillarbox.admin import renaming

    renamed = installation.write(renaming.rename_account, login, address, keep_address=keep_address)
    lines = renamed_lines("Account", renamed)
    if renamed.queued:
        lines.append(f"Reports about {counted(renamed.queued, 'queued message')} go to the new address")
    ended = 0 if renamed.new == renamed.old else _end_sessions(installation, renamed.old)
    if ended:
        lines.append(f"{counted(ended, 'session')} ended")
    installation.show({**asdict(renamed), "sessions_ended": ended}, "\n".join(lines))


def _end_sessions(installation: Installation, login: str) -> int:
    """End the sessions that have this login, if a server runs: `who` and `kick` find none by a login that is gone."""
    from pillarbox.admin.control.client import ask
    from pillarbox.admin.control.messages import Kick, Kicked, Selection

    replies = ask(installation.data.control, Kick(Selection(login=login)))
    answers = (answer for reply in replies for answer in reply.answers)
    return sum(answer.sessions for answer in answers if isinstance(answer, Kicked))


@command.command("set")
@click.argument("login")
@click.option("--name", required=True, help="The owner's name; an empty one removes it.")
@on_installation
def change(installation: Installation, login: str, name: str) -> None:
    """Change the name of an account's owner."""
    from pillarbox.admin import accounts, renaming

    installation.write(renaming.rename_owner, login, name)
    profile = installation.read(accounts.profile, login)
    installation.show(profile, f"Account changed: {profile.login}: {profile.name or 'no name'}")


@command.command("remove")
@click.argument("login")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option(
    "--detach",
    is_flag=True,
    help="Also remove it from aliases that lead to it, and aliases that lead nowhere else.",
)
@on_installation
def remove(installation: Installation, login: str, yes: bool, detach: bool) -> None:
    """Delete an account and all its mail permanently.

    It leaves its groups, and the next account of the domain becomes postmaster. Queued mail from it is still sent.
    """
    from pillarbox.admin import accounts

    profile = installation.read(accounts.profile, login)
    messages = counted(profile.messages, "message")
    question = f"Delete {profile.login} and {messages} permanently?"
    if not yes and (installation.as_json or not click.confirm(visible(question), err=True)):
        raise CommandFailed("Nothing deleted. To delete without confirmation: --yes")
    removed = installation.write(accounts.remove, login, detach=detach)
    lines = [
        f"Account deleted: {profile.login} ({messages})",
        *(f"Removed from alias {alias}" for alias in removed.aliases),
        *(f"Alias deleted, it led nowhere else: {alias}" for alias in removed.aliases_removed),
        *(f"Removed from group {group}" for group in removed.groups),
        *(
            f"Postmaster of {domain} is now "
            + (successor or f"nobody: pillarbox domain set {domain} --postmaster LOGIN")
            for domain, successor in removed.postmaster_of.items()
        ),
    ]
    if removed.queued:
        lines.append(
            f"{counted(removed.queued, 'queued message')} from it will still be sent: pillarbox queue list"
        )
    installation.show(
        {"removed": profile.login, "messages": profile.messages, "pointed_to_it": removed}, "\n".join(lines)
    )
