"""`pillarbox account sign-ins`, `devices` and `notify`: who signs in to an account."""

from typing import TYPE_CHECKING

import click

from pillarbox.app.commands.amounts import LARGEST_ID, moment
from pillarbox.app.commands.installation import Installation, counted, on_installation, table

if TYPE_CHECKING:
    from pillarbox.admin.control.messages import Selection
    from pillarbox.directory.sign_in.devices import Device
    from pillarbox.directory.sign_in.sign_ins import SignIn


@click.command("sign-ins")
@click.argument("login")
@click.option("--failed", is_flag=True, help="Only those that failed.")
@on_installation
def sign_ins(installation: Installation, login: str, failed: bool) -> None:
    """List the last sign-ins to an account, the latest first.

    Equal ones of a day are one line, with their number. Times are UTC. What is recent may take some minutes to appear.
    """
    from pillarbox.admin import devices

    found = [
        one for one in installation.read(devices.overview, login).sign_ins if one.has_failed or not failed
    ]
    heads = ("LAST", "FIRST", "TIMES", "BY", "FROM", "WITH", "RESULT", "WHY", "CLIENT")
    installation.show([_shown(one) for one in found], table(heads, map(_sign_in, found)))


def _sign_in(one: "SignIn") -> tuple[object, ...]:
    attempt = one.attempt
    return (
        moment(one.last_at_ms),
        moment(one.first_at_ms),
        one.count,
        attempt.way,
        attempt.address or "-",
        f"{attempt.method} {attempt.name}".strip() or "-",
        attempt.result,
        attempt.reason,
        one.agent,
    )


def _shown(one: "SignIn") -> dict[str, object]:
    from msgspec.structs import asdict

    row = asdict(one)
    return {**asdict(row.pop("attempt")), **row}


@click.command("devices")
@click.argument("login")
@click.option(
    "--end", type=click.IntRange(1, LARGEST_ID), metavar="ID", help="End what this device has open."
)
@click.option("--forget", type=click.IntRange(1, LARGEST_ID), metavar="ID", help="Forget this device.")
@on_installation
def devices_command(installation: Installation, login: str, end: int | None, forget: int | None) -> None:
    """List the devices that have signed in to an account, the one that was seen last first.

    --end signs a browser out, and revokes the app password of a program. Sessions of a program with the account's own
    password are ended as by pillarbox kick, by its network: to keep it out, change the password. What is forgotten is a
    new device when it signs in again.
    """
    if end is not None and forget is not None:
        raise click.UsageError("Give --end or --forget, not both.")
    if end is not None:
        _end(installation, login, end)
    elif forget is not None:
        _forget(installation, login, forget)
    else:
        _list(installation, login)


def _list(installation: Installation, login: str) -> None:
    from pillarbox.admin import devices

    found = installation.read(devices.overview, login).devices
    heads = ("ID", "DEVICE", "NAME", "FIRST SEEN", "LAST SEEN", "BY", "FROM", "CLIENT")
    installation.show(found, table(heads, map(_device, found)))


def _device(one: "Device") -> tuple[object, ...]:
    return (
        one.id,
        one.kind,
        one.name,
        moment(one.first_seen_at_ms),
        moment(one.last_seen_at_ms),
        one.way,
        one.address or "-",
        one.agent,
    )


def _end(installation: Installation, login: str, number: int) -> None:
    from pillarbox.admin import devices

    selection = installation.write(devices.end, login, number, now_ms=installation.now_ms)
    if selection is None:
        installation.show({"ended": number}, f"Device ended: {number} ({login})")
        return
    sessions = _kicked(installation, selection)
    text = f"{counted(sessions, 'session')} ended. To keep the device out: pillarbox account password {login}"
    installation.show({"ended": number, "sessions": sessions}, text)


def _kicked(installation: Installation, selection: "Selection") -> int:
    from pillarbox.admin.control.client import ask
    from pillarbox.admin.control.messages import Kick, Kicked

    replies = ask(installation.data.control, Kick(selection))
    answers = (answer for reply in replies for answer in reply.answers)
    return sum(answer.sessions for answer in answers if isinstance(answer, Kicked))


def _forget(installation: Installation, login: str, number: int) -> None:
    from pillarbox.admin import devices

    installation.write(devices.forget, login, number)
    installation.show({"forgotten": number}, f"Device forgotten: {number} ({login})")


@click.command("notify")
@click.argument("login")
@click.argument("wanted", type=click.Choice(("on", "off")))
@on_installation
def notify(installation: Installation, login: str, wanted: str) -> None:
    """Switch the mails on or off that an account gets about each new device."""
    from pillarbox.admin import devices

    installation.write(devices.want_notices, login, wanted=wanted == "on", doing=installation.doing)
    installation.show({"login": login, "notify": wanted}, f"Mail about new devices is {wanted}: {login}")
