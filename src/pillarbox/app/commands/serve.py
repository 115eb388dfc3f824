"""`pillarbox serve`: the real thing."""

import sys
from typing import TYPE_CHECKING

import click

from pillarbox.app.commands.installation import Installation, Refused, on_installation

if TYPE_CHECKING:
    from pillarbox.app.services import Doors
    from pillarbox.app.settings import Settings
    from pillarbox.config.schema import Config


@click.command("serve")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes that serve, whatever the file says.")
@on_installation
def command(here: Installation, workers: int | None) -> None:
    """Serve mail as the configuration says, until SIGTERM or Ctrl-C.

    Started by root it binds the ports and then becomes the user of the configuration. SIGHUP reads the
    configuration and certificates again and drops no connection; SIGTERM lets sessions finish what they do.
    """
    from dataclasses import replace

    from pillarbox.app.configured import endpoints
    from pillarbox.app.services import open_doors
    from pillarbox.app.serving import supervised, tell_service_manager
    from pillarbox.world.telemetry import SystemTelemetry

    given = here.settings
    doors = open_doors(endpoints(here.config))
    _give_up_privileges(here.config)
    settings = _ready_to_serve(here.config, given)
    if workers:
        settings = replace(settings, workers=workers)

    def reread() -> "Settings":
        from pillarbox.app.configured import settings as settings_of
        from pillarbox.config.file import read

        again = read(here.config_path)
        return _certified(again, settings_of(again))

    def ready() -> None:
        tell_service_manager("READY=1")
        SystemTelemetry().event("serving", hostname=settings.hostname, **_where(doors))

    code = supervised(settings, doors, ready, reread)
    tell_service_manager("STOPPING=1")
    sys.exit(code)


def _give_up_privileges(config: "Config") -> None:
    import os

    from pillarbox.app.privileges import drop, identity

    if os.geteuid() != 0:
        return
    drop(identity(config.user, config.group))
    for module in (sys.modules["os"], sys.modules["click"]):
        if not os.access(str(module.__file__), os.R_OK):
            raise Refused(
                f"The user '{config.user}' may not read {module.__file__}. Install Pillarbox with a Python "
                "that every user may read, such as: /usr/bin/python3 -m venv /opt/pillarbox"
            )


def _ready_to_serve(config: "Config", given: "Settings") -> "Settings":
    """Try what every worker needs, where what is wrong can still be said in a sentence."""
    import os

    from pillarbox.app.wiring import opened_database
    from pillarbox.world.tls.server import ServerTls

    if not given.data.is_dir():
        raise Refused(f"There is no data directory at {given.data}. Make one with: pillarbox init DOMAIN")
    if not os.access(given.data, os.R_OK | os.W_OK | os.X_OK):
        import pwd

        user = pwd.getpwuid(os.geteuid()).pw_name
        raise Refused(f"{user} may not use {given.data}. Give it to that user: chown -R {user}: {given.data}")
    settings = _certified(config, given)
    ServerTls(settings.certificates)
    with opened_database(settings):  # brings its tables up to date
        pass
    return settings


def _certified(config: "Config", given: "Settings") -> "Settings":
    from pillarbox.app.configured import certified
    from pillarbox.world.clock import SystemClock

    return certified(config, given, now_ms=SystemClock().now_ms())


def _where(doors: "Doors") -> dict[str, str]:
    return {name: " ".join(_end(door.getsockname()) for door in sockets) for name, sockets in doors.items()}


def _end(name: tuple[str, int]) -> str:
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"
