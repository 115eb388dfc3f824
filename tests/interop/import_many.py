"""How long it takes to import many messages from Dovecot, and to run that again: no part of the tests.

`python -m tests.interop.import_many --messages 100000` prints a line for each run of `pillarbox import --imap`: the
first, one with nothing new, one in which ten messages are new and a hundred have other flags, and one that deletes.
"""

import argparse
import os
import pwd
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.interop.dovecot import PASSWORD, Dovecot, dovecot
from tests.kit.certificate import certificate_file
from tests.kit.paths import ROOT

PILLARBOX = (sys.executable, "-c", "from pillarbox.app.cli import main; main()")
DOMAIN = "example.org"


def letter(number: int, octets: int) -> bytes:
    """Of about so many octets."""
    head = (
        f"From: Ann Other <ann{number % 97}@else.example>\nTo: anna@example.org\nSubject: Letter {number}\n"
        f"Date: Tue, 4 Jun 2024 10:{number // 60 % 60:02d}:{number % 60:02d} +0200\n"
        f"Message-ID: <{number}.letter@else.example>\nMIME-Version: 1.0\nContent-Type: text/plain\n\n"
    ).encode()
    line = b"Words that anybody may have written to anybody, number %d.\n" % number
    return head + line * max(1, (octets - len(head)) // len(line))


def fill(server: Dovecot, numbers: range, octets: int) -> None:
    """Messages in the INBOX, as files."""
    folder = server.folder / "mail" / "anna" / "Maildir" / "cur"
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        path = folder / f"{1_700_000_000 + number}.M{number}P1.host:2,{'S' if number % 3 else ''}"
        path.write_bytes(letter(number, octets))
    if os.geteuid() == 0:
        user = pwd.getpwnam("nobody")
        subprocess.run(
            ["chown", "-R", f"{user.pw_uid}:{user.pw_gid}", str(server.folder / "mail")], check=True
        )


def pillarbox(folder: Path, *words: str) -> str:
    """Run a command."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "PILLARBOX_CONFIG": str(folder / "pillarbox.toml"),
    }
    done = subprocess.run([*PILLARBOX, *words], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def run(folder: Path, server: Dovecot, what: str, *more: str) -> None:
    """One import, and what it took."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    said = pillarbox(
        folder, "import", "anna", "--imap", f"localhost:{server.imaps}", "--ca", str(certificate_file()),
        "--password-file", str(folder / "password"), *more,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    print(
        f"{what:12} {seconds:7.1f} s  cpu {cpu:6.1f} s  peak {after.ru_maxrss / 1024:4.0f} MiB  "
        + said.replace("\n", " "),
        flush=True,
    )


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--octets", type=int, default=3000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pillarbox-dovecot-") as path, dovecot(Path(path)) as server:
        folder = Path(path) / "pillarbox"
        folder.mkdir()
        (folder / "password").write_text(PASSWORD)
        pillarbox(
            folder, "init", DOMAIN, "--data", str(folder / "data"), "--account", "anna", "--user", "root"
        )
        count = options.messages
        fill(server, range(count), options.octets)
        with server.client() as client:  # Dovecot makes its index
            client.select("INBOX", readonly=True)
        run(folder, server, "first")
        run(folder, server, "nothing new")
        fill(server, range(count, count + 10), options.octets)
        with server.client() as client:
            client.select("INBOX")
            client.uid("store", f"{count // 2}:{count // 2 + 99}", "+FLAGS", r"(\Flagged)")
        run(folder, server, "changes")
        with server.client() as client:
            client.select("INBOX")
            client.uid("store", f"1:{count // 10}", "+FLAGS", r"(\Deleted)")
            client.expunge()
        run(folder, server, "--delete", "--delete")


if __name__ == "__main__":
    main()
