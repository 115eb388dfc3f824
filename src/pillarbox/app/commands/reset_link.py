"""`pillarbox account reset-link`: for who has forgotten their password."""

import click

from pillarbox.app.commands.amounts import Duration, moment
from pillarbox.app.commands.installation import CommandFailed, Installation, on_installation


@click.command("reset-link")
@click.argument("login")
@click.option(
    "--valid", type=Duration(), default="24h", show_default=True, help="How long it can be used: 1h, 24h, 7d."
)
@click.option(
    "--keep-second-factor/--without-second-factor",
    "asks_factor",
    default=True,
    help="Whether an account with a second factor is asked for it, as by default; without it, the link is enough.",
)
@on_installation
def reset_link(installation: Installation, login: str, valid: int, asks_factor: bool) -> None:
    """Make a link by which the owner of an account sets a new password. It is shown once.

    Whoever has it can set the password, once. One that was made before ends, and so does this one when the password is
    changed in another way.
    """
    from pillarbox.admin import account_letters, password_reset
    from pillarbox.directory.sign_in import link_tokens
    from pillarbox.directory.sign_in.reset_links import MAX_VALID_MS
    from pillarbox.world.entropy import SystemEntropy

    url = installation.config.web_url
    if not url:
        raise CommandFailed("Nobody knows where people reach the pages: set 'http.url', or 'listen.https'.")
    if valid > MAX_VALID_MS:
        raise CommandFailed("A link is valid for 30 days at most.")
    (token, digest), now_ms = link_tokens.issue(SystemEntropy()), installation.now_ms
    account = installation.write(
        password_reset.make_link, login, digest, valid_ms=valid, asks_factor=asks_factor, now_ms=now_ms
    )
    link = account_letters.reset_link(url, token)
    data = {"login": account.login, "link": link, "expires_at_ms": now_ms + valid, "asks_factor": asks_factor}
    installation.show(
        data,
        f"Link for a new password of {account.login}:\n\n  {link}\n\n"
        f"It is not shown again, and works once, until {moment(now_ms + valid)} UTC.",
    )
