"""A validating recursive name server of a test's own (unbound), and zones signed for it (ldns)."""

import contextlib
import shutil
import subprocess
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from tests.interop.nsd import START, free_port
from tests.interop.programs import need, run

CONFIGURATION = """
server:
  interface: 127.0.0.1@{port}
  username: ""
  chroot: ""
  directory: "{folder}"
  pidfile: "{folder}/unbound.pid"
  logfile: "{folder}/unbound.log"
  use-syslog: no
  do-daemonize: no
  do-not-query-localhost: no
  do-ip6: no
  access-control: 127.0.0.0/8 allow
  module-config: "validator iterator"
  local-zone: "example." nodefault
  trust-anchor-signaling: no
{anchors}
remote-control:
  control-enable: no
"""
STUB = """
stub-zone:
  name: "{name}"
  stub-addr: 127.0.0.1@{port}
"""


class SignedZone:
    """A zone file with signatures, and the anchor by which they are trusted."""

    def __init__(self, folder: Path, name: str, records: str, *, expired: bool = False) -> None:
        """`expired`: the signatures were valid once."""
        folder.mkdir(parents=True)
        key = run("ldns-keygen", "-r", "/dev/urandom", "-a", "ECDSAP256SHA256", "-k", name, home=folder)
        base = key.stdout.decode().strip()
        (folder / "plain").write_text(START + records + "\n")
        dates = ("-i", "20200101", "-e", "20200201") if expired else ()
        run("ldns-signzone", "-n", *dates, "-o", name, "-f", "signed", "plain", base, home=folder)
        self.text = (folder / "signed").read_text()
        self.anchor = (folder / f"{base}.ds").read_text().strip()


@contextlib.contextmanager
def unbound(
    folder: Path, zones: Collection[str], served_at: int, *, anchors: Collection[str]
) -> Iterator[int]:
    """Resolve and validate these zones, which are served at a port of loopback; yields the port."""
    program, port = need("unbound"), free_port()
    folder.mkdir(parents=True)
    trusted = "\n".join(f"  trust-anchor: '{anchor}'" for anchor in anchors)
    stubs = "".join(STUB.format(name=name, port=served_at) for name in zones)
    (folder / "unbound.conf").write_text(
        CONFIGURATION.format(folder=folder, port=port, anchors=trusted) + stubs
    )
    server = subprocess.Popen(
        [program, "-d", "-c", folder / "unbound.conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(server, folder)
        yield port
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(server: "subprocess.Popen[bytes]", folder: Path) -> None:
    log = folder / "unbound.log"
    for _ in range(200):
        assert server.poll() is None, log.read_text() if log.exists() else "unbound does not start"
        if log.exists() and "start of service" in log.read_text():
            return
        time.sleep(0.05)
    raise AssertionError("unbound does not come")
