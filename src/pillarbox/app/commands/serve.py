"""`pillarbox serve`: the server."""

import sys
from typing import TYPE_CHECKING

import click

from pillarbox.app.commands.installation import (
    CommandFailed,
    Installation,
    on_installation,
    require_data_directory,
    require_domain,
)

if TYPE_CHECKING:
    from pillarbox.app.resolved import Resolved
    from pillarbox.app.sockets import Sockets
    from pillarbox.config.schema import Config
    from pillarbox.world.database.sqlite import SqliteDatabase
    from pillarbox.world.telemetry import SystemTelemetry


@click.command("serve")
@click.option("--workers", type=click.IntRange(1, 64), help="Worker processes; overrides the configuration.")
@on_installation
def command(installation: Installation, workers: int | None) -> None:
    """Run the server until SIGTERM or Ctrl-C.

    Started by root, it binds the ports and then becomes the configured user. SIGHUP reloads the configuration
    and certificates without dropping connections; SIGTERM lets sessions finish what they are doing.
    """
    from dataclasses import replace

    from pillarbox.app.serving import notify_service_manager, supervised
    from pillarbox.app.sockets import listen
    from pillarbox.app.world import open_telemetry
    from pillarbox.world.database.sqlite.presence import require_file

    sockets = listen(installation.resolved.endpoints)
    require_data_directory(installation.data)
    # As root: the mount point of a missing disk is none of the server's user
    require_file(installation.data.database)
    _drop_privileges(installation.config)
    resolved = _ready_to_serve(installation.resolved)
    if workers:
        resolved = replace(resolved, config=replace(resolved.config, workers=workers))

    def reread() -> "Resolved":
        from pillarbox.app.resolved import resolve
        from pillarbox.config.file import naming, read

        config = read(installation.config_path)
        with naming(installation.config_path):
            return _with_certificate(resolve(config))

    def ready() -> None:
        notify_service_manager("READY=1")
        telemetry = open_telemetry(resolved.config.log)
        telemetry.event("serving", hostname=resolved.config.hostname, **_addresses(sockets))
        telemetry.close()

    code = supervised(resolved, sockets, ready, reread)
    notify_service_manager("STOPPING=1")
    sys.exit(code)


def _drop_privileges(config: "Config") -> None:
    import os

    from pillarbox.app.privileges import drop, identity, unreadable_python

    if os.geteuid() != 0:
        return
    drop(identity(config.user, config.group))
    unreadable = unreadable_python()
    if unreadable:
        raise unreadable


def _ready_to_serve(resolved: "Resolved") -> "Resolved":
    """Try what every worker needs, while errors can still be reported on the command line."""
    import os
    from contextlib import closing

    from pillarbox.app.database import opened_blobs, opened_database
    from pillarbox.world.tls.server import ServerTls

    data = resolved.config.data_directory
    if not os.access(data.path, os.R_OK | os.W_OK | os.X_OK):
        raise CommandFailed(
            f"Permission denied: {_user()} can't write in {data.path}. Change its owner: "
            f"chown -R {_user()}: {data.path}. "
            "If it is the right one: is its disk read-only?"
        )
    with (
        closing(_opened_log(resolved.config)) as telemetry,
        opened_database(data, telemetry=telemetry) as database,  # migrates its tables
    ):
        require_domain(database, resolved.config)
        opened_blobs(data, database)
        _tell_of_loss(database, telemetry)
    found = _with_certificate(resolved)
    ServerTls(found.certificates)
    return found


def _opened_log(config: "Config") -> "SystemTelemetry":
    """Raises `CommandFailed` where the log's file can't be written by the user that serves."""
    from pillarbox.world.telemetry import SystemTelemetry

    try:
        return SystemTelemetry(config.log)
    except OSError as failure:
        raise CommandFailed(
            f"Can't log to {config.log.file}: {failure.strerror}. Its folder must exist, and {_user()} "
            "must be able to write there (`log.file` in the configuration)"
        ) from failure


def _user() -> str:
    import os
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"user {os.geteuid()}"


def _tell_of_loss(database: "SqliteDatabase", telemetry: "SystemTelemetry") -> None:
    """At every start, until the operator has accepted it."""
    from pillarbox.admin.fsck import log_losses

    for problem in log_losses(database.path):
        telemetry.warning("committed transactions lost", why=problem.what, remedy=problem.remedy)


def _with_certificate(resolved: "Resolved") -> "Resolved":
    from pillarbox.app.resolved import with_own_certificate
    from pillarbox.world.clock import SystemClock

    return with_own_certificate(resolved, now_ms=SystemClock().now_ms())


def _addresses(sockets: "Sockets") -> dict[str, str]:
    """For the log: the addresses of each service."""
    return {
        name: " ".join(_address(listening.getsockname()) for listening in of_service)
        for name, of_service in sockets.items()
    }


def _address(name: tuple[str, int]) -> str:
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"
