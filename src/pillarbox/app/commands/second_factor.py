"""`pillarbox account second-factor` and `recovery-codes`: for people who have lost what they sign in with."""

import click

from pillarbox.app.commands.amounts import day
from pillarbox.app.commands.installation import CommandFailed, Installation, counted, on_installation
from pillarbox.mail.visible import visible


@click.command("second-factor")
@click.argument("login")
@click.option("--remove", "removing", is_flag=True, help="Remove them all, with the recovery codes.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@on_installation
def second_factor(installation: Installation, login: str, removing: bool, yes: bool) -> None:
    """Show the second factors of an account (one-time codes, passkeys) and its recovery codes, or remove them.

    Removing is for somebody who has lost the phone and the recovery codes: make sure that it is them. The password is
    enough again then, for mail programs as well; app passwords stay. It ends no session.
    """
    from pillarbox.admin import second_factors

    found = installation.read(second_factors.find, login)
    if removing:
        if not (found.one_time_codes or found.passkeys):
            raise CommandFailed(f"'{login}' has no second factor; nothing was removed")
        question = f"Remove the second factors of {found.login}, so that the password alone is enough?"
        if not yes and (installation.as_json or not click.confirm(visible(question), err=True)):
            raise CommandFailed("Nothing removed. To remove without confirmation: --yes")
        removed = installation.write(second_factors.remove, login, doing=installation.doing)
        installation.show({"removed": removed}, f"Second factors removed: {removed.login}")
        return
    codes = f"since {day(found.one_time_codes_since_ms)}" if found.one_time_codes else "none"
    rows = (
        ("Login", found.login),
        ("One-time codes", codes),
        ("Passkeys", str(found.passkeys or "none")),
        ("Recovery codes", f"{found.recovery_codes} left"),
    )
    installation.show(found, "\n".join(f"{head:<16}{value}" for head, value in rows))


@click.command("recovery-codes")
@click.argument("login")
@on_installation
def recovery_codes(installation: Installation, login: str) -> None:
    """Make new recovery codes for an account with a second factor. They are shown once; those from before end.

    Each stands for the second factor once.
    """
    from pillarbox.admin import second_factors
    from pillarbox.directory.sign_in import secrets
    from pillarbox.world.entropy import SystemEntropy

    entropy = SystemEntropy()
    codes, fresh = second_factors.generate(entropy), entropy.token_bytes(secrets.SECRET_OCTETS)
    installation.write(
        second_factors.new_recovery_codes, login, codes, fresh=fresh, now_ms=installation.now_ms
    )
    lines = "\n".join(f"  {code}" for code in codes)
    installation.show(
        {"login": login, "codes": codes},
        f"{counted(len(codes), 'recovery code')} made: {login}\n\n{lines}\n\nThey are not shown again.",
    )
