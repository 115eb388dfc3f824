"""Mail through the queue into a sink, by Pillarbox and by Postfix: messages per second and CPU per message.

    python benchmarks/relay.py --messages 20000 --rounds 3
    python benchmarks/relay.py --workers 2

`smtp-source` (10 sessions) sends messages to the server's port; the server queues them durably and relays them to
`smtp-sink`; the time ends when the sink has all. CPU is that of the server's processes alone. Both servers write
a log line for each message. Pillarbox runs with `--workers` processes, under its supervisor if that is more than
one. Postfix runs as an instance of its own, with its own configuration and queue; an installed one
is not touched. Needs Debian's postfix (which brings both tools) and root.
"""

import argparse
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

HOST = "127.0.0.1"
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Round:
    """The result of one round."""

    seconds: float
    accepted_s: float
    cpu_s: float


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, *, seconds: float = 10) -> None:
    for _ in range(int(seconds / 0.05)):
        try:
            socket.create_connection((HOST, port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"nothing listens on port {port}")


def cpu_of(root: int) -> float:
    """CPU seconds of a process and its descendants, ended ones included."""
    stats = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            stats[int(entry.name)] = (int(fields[1]), [int(field) for field in fields[11:15]])
    family, grown = {root}, True
    while grown:
        more = {pid for pid, (parent, _) in stats.items() if parent in family} - family
        family |= more
        grown = bool(more)
    own = sum(sum(stats[pid][1][:2]) for pid in family if pid in stats)
    ended = sum(sum(stats[pid][1][2:]) for pid in family if pid in stats)
    return (own + ended) / TICKS


def run(port: int, sink: int, root: int, to: str, options: argparse.Namespace) -> Round:
    """One round: the sink, the source, and the server between them."""
    sinking = subprocess.Popen(
        ["smtp-sink", "-u", "nobody", "-M", str(options.messages), f"inet:{HOST}:{sink}", "200"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(0.3)
    before, began = cpu_of(root), time.monotonic()
    subprocess.run(
        [
            "smtp-source", "-d", "-s", str(options.sessions), "-m", str(options.messages), "-l",
            str(options.octets), "-f", "sender@one.example", "-t", to, f"inet:{HOST}:{port}",
        ],
        check=True,
    )  # fmt: skip
    accepted = time.monotonic() - began
    try:
        sinking.wait(options.patience)
    except subprocess.TimeoutExpired:
        sinking.kill()
        raise SystemExit("the sink did not get all messages") from None
    seconds = time.monotonic() - began
    time.sleep(1.0)  # results recorded after the last acknowledgement count as well
    return Round(seconds, accepted, cpu_of(root) - before)


# --- Pillarbox


def serve_pillarbox(folder: Path, port: int, sink: int, workers: int) -> None:
    """In a process of its own: the whole server, with an alias for a foreign address."""
    from pillarbox.app import serving
    from pillarbox.app.database import opened_database
    from pillarbox.app.resolved import Resolved
    from pillarbox.app.sockets import listen_on
    from pillarbox.config.schema import Config
    from pillarbox.directory import aliases, domains
    from pillarbox.server.relay.host_finder import Host
    from pillarbox.world.database import Transaction
    from pillarbox.world.tls import authority

    certificates = authority.ensure(folder / "tls", ("one.example",), now_ms=time.time_ns() // 1_000_000)
    config = Config(
        hostname="mail.one.example",
        domain="one.example",
        data=folder,
        local_names={"one.example": HOST},
        workers=workers,
    )
    resolved = Resolved(
        config,
        certificates=(certificates.server,),
        routes={"*": Host("sink", sink, HOST)},
    )

    def people(tx: Transaction) -> None:
        domains.create(tx, "one.example", now_ms=0)
        aliases.create(tx, "away@one.example", ["you@sink.example"])

    with opened_database(config.data_directory, create=True) as database:
        database.write_now(people)
    with (folder / "log").open("w") as log:
        os.dup2(log.fileno(), 2)
    serve = serving.alone if workers == 1 else serving.supervised
    serve(resolved, listen_on(HOST, {"smtp": port}), lambda: None)


@contextmanager
def pillarbox(folder: Path, sink: int, workers: int) -> Iterator[tuple[int, int]]:
    port = free_port()
    child = os.fork()
    if child == 0:
        serve_pillarbox(folder, port, sink, workers)
        os._exit(0)
    try:
        wait_for(port)
        yield port, child
    finally:
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)


# --- Postfix

MAIN = """compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.one.example
mydestination =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
relayhost = [127.0.0.1]:{sink}
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtp_tls_security_level = may
alias_maps =
alias_database =
biff = no
in_flow_delay = 0
maillog_file = /var/log/{name}.log
"""

MASTER = """127.0.0.1:{port} inet n - n - 200 smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


@contextmanager
def postfix(folder: Path, sink: int, _workers: int) -> Iterator[tuple[int, int]]:
    port, name = free_port(), f"pillarbox-bench-{os.getpid()}"
    for below in ("etc", "queue", "data"):
        (folder / below).mkdir()
    folder.chmod(0o755)
    (folder / "etc/main.cf").write_text(MAIN.format(folder=folder, sink=sink, name=name))
    (folder / "etc/master.cf").write_text(MASTER.format(port=port))
    shutil.chown(folder / "data", "postfix")
    for files in ("/usr/share/postfix/postfix-files", "/etc/postfix/postfix-files"):
        if Path(files).exists():
            shutil.copy(files, folder / "etc")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(["postfix", "-c", folder / "etc", "start"], check=True, **quiet)  # type: ignore[call-overload]
    try:
        wait_for(port)
        yield port, int((folder / "queue/pid/master.pid").read_text())
    finally:
        subprocess.run(["postfix", "-c", folder / "etc", "stop"], check=False, **quiet)  # type: ignore[call-overload]
        Path(f"/var/log/{name}.log").unlink(missing_ok=True)


SERVERS = {"postfix": (postfix, "you@sink.example"), "pillarbox": (pillarbox, "away@one.example")}


def measure(name: str, options: argparse.Namespace) -> Round:
    server, to = SERVERS[name]
    sink = free_port()
    folder = Path(tempfile.mkdtemp(prefix="pillarbox-bench-", dir=options.directory))
    try:
        with server(folder, sink, options.workers) as (port, root):
            return run(port, sink, root, to, options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--octets", type=int, default=2_000, help="of each message")
    parser.add_argument("--sessions", type=int, default=10, help="of smtp-source")
    parser.add_argument("--workers", type=int, default=1, help="processes of Pillarbox")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of both servers in turn")
    parser.add_argument("--patience", type=float, default=600, help="seconds for one round")
    parser.add_argument("--directory", help="the directory of the queues (default: a temporary one)")
    parser.add_argument("servers", nargs="*", default=list(SERVERS), help="postfix, pillarbox")
    options = parser.parse_args()
    rounds: dict[str, list[Round]] = {name: [] for name in options.servers}
    for number in range(options.rounds):
        for name in options.servers:
            one = measure(name, options)
            rounds[name].append(one)
            print(
                f"round {number + 1} {name:<10} {options.messages / one.seconds:8,.0f} msg/s"
                f"  accepted {options.messages / one.accepted_s:8,.0f} msg/s"
                f"  CPU {one.cpu_s / options.messages * 1e6:6,.0f} us/msg",
                file=sys.stderr,
            )
    for name, found in rounds.items():
        rate = statistics.median(options.messages / one.seconds for one in found)
        cpu = statistics.median(one.cpu_s / options.messages * 1e6 for one in found)
        print(f"{name:<10} {rate:8,.0f} msg/s   CPU {cpu:6,.0f} us/msg   (median of {len(found)})")


if __name__ == "__main__":
    main()
