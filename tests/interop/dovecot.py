"""A Dovecot of a test's own: its own folder and ports, to import from.

It is run as root, whose programs become another user, or as whoever runs the tests. Nothing of the machine's own
Dovecot is used but its programs.
"""

import contextlib
import imaplib
import os
import pwd
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.interop.programs import missing
from tests.kit.certificate import certificate_file
from tests.kit.permissions import grant_others_access

PASSWORD = "open-secret"
START_S = 30

CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
default_login_user = {login_user}
default_internal_user = {internal_user}
default_internal_group = {internal_group}
disable_plaintext_auth = yes
auth_mechanisms = {mechanisms}
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{certificate}
mail_location = {location}
mail_uid = {user}
mail_gid = {group}
first_valid_uid = 1
first_valid_gid = 1
mailbox_list_index = yes
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = home={folder}/mail/%u
}}
namespace inbox {{
  inbox = yes
  separator = {separator}
  prefix = {prefix}
  mailbox "Gesendete Mails" {{
    special_use = \\Sent
    auto = create
  }}
  mailbox Spam {{
    special_use = \\Junk
    auto = subscribe
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


class Dovecot:
    """One that runs."""

    def __init__(self, folder: Path, ports: tuple[int, int]) -> None:
        self.folder = folder
        self.imap, self.imaps = ports

    def client(self, user: str = "anna") -> imaplib.IMAP4_SSL:
        """A connection, logged in."""
        context = ssl.create_default_context(cafile=certificate_file())
        made = imaplib.IMAP4_SSL("localhost", self.imaps, ssl_context=context)
        made.login(user, PASSWORD)
        return made

    def doveadm(self, *words: str) -> str:
        """Run a command of its administration."""
        done = subprocess.run(
            ["doveadm", "-c", str(self.folder / "dovecot.conf"), *words],
            capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def log(self) -> str:
        """Its log."""
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""


@contextlib.contextmanager
def dovecot(
    folder: Path,
    *,
    separator: str = "/",
    prefix: str = "",
    location: str = "maildir:~/Maildir",
    mechanisms: str = "plain login",
) -> Iterator[Dovecot]:
    """Run one whose users all have `PASSWORD`."""
    if not shutil.which("dovecot"):
        missing("dovecot is not installed")
    ports = _free_ports(2)
    config = folder / "dovecot.conf"
    mail = folder / "mail"
    mail.mkdir()
    mine = pwd.getpwuid(os.geteuid())
    root = mine.pw_uid == 0
    user = pwd.getpwnam("nobody") if root else mine
    os.chown(mail, user.pw_uid, user.pw_gid)
    grant_others_access(folder)
    config.write_text(
        CONFIG.format(
            folder=folder,
            login_user="dovenull" if root else mine.pw_name,
            internal_user="dovecot" if root else mine.pw_name,
            internal_group="dovecot" if root else mine.pw_gid,
            mechanisms=mechanisms,
            certificate=certificate_file(),
            location=location,
            user=user.pw_uid,
            group=user.pw_gid,
            password=PASSWORD,
            separator=separator,
            prefix=prefix,
            imap=ports[0],
            imaps=ports[1],
        )
    )
    with (folder / "stderr").open("wb") as stderr:
        process = subprocess.Popen(["dovecot", "-F", "-c", str(config)], stderr=stderr)
    running = Dovecot(folder, ports)
    try:
        _wait_for(process, running)
        yield running
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(process: "subprocess.Popen[bytes]", running: Dovecot) -> None:
    for _ in range(START_S * 10):
        said = (running.folder / "stderr").read_text() + running.log()
        assert process.poll() is None, said
        if _greets(running):
            return
        time.sleep(0.1)
    raise AssertionError(f"dovecot does not listen: {said}")


def _greets(running: Dovecot) -> bool:
    context = ssl.create_default_context(cafile=certificate_file())
    try:
        with (
            socket.create_connection(("127.0.0.1", running.imaps), 10) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as secured,
        ):
            return secured.recv(100).startswith(b"* OK")
    except OSError:
        return False


def _free_ports(count: int) -> tuple[int, int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        first, second = (one.getsockname()[1] for one in sockets)
    return first, second
