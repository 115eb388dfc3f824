"""A Postfix of a test's own: its own folder, queue and ports; it sends what it is given to where it is told.

It needs root, as Postfix does, and is skipped elsewhere. Nothing of the machine's own Postfix is used
but its programs.
"""

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = client.example
mydestination =
relayhost =
default_transport = {transport}
smtp_tls_security_level = {tls}
smtp_tls_CAfile = {ca}
smtp_dns_support_level = disabled
lmtp_tls_security_level = none
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
smtputf8_enable = yes
smtputf8_autodetect_classes = all
minimal_backoff_time = 1s
queue_run_delay = 1s
"""
MASTER = """
postlog   unix-dgram n  -  n  -  1  postlogd
pickup    unix  n  -  n  1     1  pickup
cleanup   unix  n  -  n  -     0  cleanup
qmgr      unix  n  -  n  1     1  qmgr
rewrite   unix  -  -  n  -     -  trivial-rewrite
bounce    unix  -  -  n  -     0  bounce
defer     unix  -  -  n  -     0  bounce
trace     unix  -  -  n  -     0  bounce
smtp      unix  -  -  n  -     -  smtp
relay     unix  -  -  n  -     -  smtp
lmtp      unix  -  -  n  -     -  lmtp
tlsmgr    unix  -  -  n  1000? 1  tlsmgr
error     unix  -  -  n  -     -  error
retry     unix  -  -  n  -     -  error
scache    unix  -  -  n  -     1  scache
"""


class Postfix:
    """One that runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def send(self, message: bytes, *recipients: str, sender: str, options: tuple[str, ...] = ()) -> None:
        """Have it deliver a message."""
        command = ["sendmail", "-C", str(self.folder), "-f", sender, "-i", *options, "--", *recipients]
        subprocess.run(command, input=message, check=True, capture_output=True, timeout=30)

    def log(self) -> str:
        """What it says it did."""
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def wait_for(self, text: str, times: int = 1) -> str:
        """Until its log says so; its log."""
        for _ in range(200):
            log = self.log()
            if log.count(text) >= times:
                return log
            time.sleep(0.1)
        raise AssertionError(f"postfix never said {text!r}:\n{self.log()}")


@contextlib.contextmanager
def postfix(folder: Path, transport: str, *, ca: str = "", tls: str = "none") -> Iterator[Postfix]:
    """Run one whose only next hop is ``transport`` (``smtp:[127.0.0.1]:2525``)."""
    if os.geteuid() != 0 or not shutil.which("postfix"):
        pytest.skip("needs postfix, and root to run it")
    for name in ("queue", "data"):
        (folder / name).mkdir()
    shutil.chown(folder / "data", "postfix")
    for path in (folder, *folder.parents):
        if path.owner() == "root" and path.is_relative_to(folder.parents[1]):
            path.chmod(0o755)  # Postfix's programs give up root, and pytest's folders are for one only
    (folder / "main.cf").write_text(MAIN.format(folder=folder, transport=transport, ca=ca, tls=tls))
    (folder / "master.cf").write_text(MASTER)
    control = ["postfix", "-c", str(folder)]
    subprocess.run([*control, "start"], check=True, capture_output=True, timeout=60)
    try:
        yield Postfix(folder)
    finally:
        subprocess.run([*control, "stop"], check=False, capture_output=True, timeout=60)
