"""A DNS server of a test's own (nsd), on a port of loopback, with the zones it is given."""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.interop.programs import need

CONFIGURATION = """
server:
  ip-address: 127.0.0.1@{port}
  server-count: 1
  rrl-ratelimit: 0
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/nsd.pid"
  zonelistfile: "{folder}/zone.list"
  xfrdfile: "{folder}/xfrd.state"
  xfrdir: "{folder}"
  logfile: "{folder}/nsd.log"
remote-control:
  control-enable: no
"""
ZONE = """
zone:
  name: "{name}"
  zonefile: "{name}.zone"
"""
START = """$TTL 60
@ IN SOA ns.invalid. hostmaster.invalid. 1 60 60 3600 60
@ IN NS ns.invalid.
"""


@contextlib.contextmanager
def nsd(folder: Path, zones: Mapping[str, str]) -> Iterator[int]:
    """Serve these zones (name to records, as in a zone file; with a start of their own, or without); yields the port."""
    program, port = need("nsd"), free_port()
    folder.mkdir()
    text = CONFIGURATION.format(folder=folder, port=port)
    for name, records in zones.items():
        text += ZONE.format(name=name)
        (folder / f"{name}.zone").write_text(records if "SOA" in records else START + records + "\n")
    (folder / "nsd.conf").write_text(text)
    server = subprocess.Popen(
        [program, "-d", "-c", folder / "nsd.conf"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(server, port, folder)
        yield port
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """One that is free for TCP and UDP."""
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.bind(("127.0.0.1", 0))
        port = int(tcp.getsockname()[1])
        udp.bind(("127.0.0.1", port))
        return port


def _wait(server: "subprocess.Popen[bytes]", port: int, folder: Path) -> None:
    for _ in range(200):
        assert server.poll() is None, (folder / "nsd.log").read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError("nsd does not come")
