"""A Postfix of a test's own: its own folder, queue and ports; it relays to the configured next hop.

It needs root, as Postfix does, and is skipped elsewhere. Nothing of the machine's own Postfix is used
but its programs.
"""

import contextlib
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.permissions import grant_others_access

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

    def mail(self) -> list[bytes]:
        """What has come for its people, oldest first."""
        found = sorted((self.folder / "mail").glob("*/new/*"), key=lambda path: path.stat().st_mtime_ns)
        return [path.read_bytes() for path in found]

    def log(self) -> str:
        """Its log."""
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def wait_for(self, text: str, times: int = 1) -> str:
        """Wait until this is in its log; its log."""
        for _ in range(200):
            log = self.log()
            if log.count(text) >= times:
                return log
            time.sleep(0.1)
        raise AssertionError(f"postfix never said {text!r}:\n{self.log()}")


RECEIVING = """
myhostname = mail.{domain}
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = inline:{{ you@{domain}=you/ jürgen@{domain}=you/ }}
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_relay_restrictions = reject_unauth_destination
smtpd_peername_lookup = no
smtpd_tls_security_level = may
smtpd_tls_chain_files = {folder}/chain.pem
smtpd_tls_received_header = yes
"""
RECEIVING_SERVICES = """
127.0.0.1:{port} inet n - n - - smtpd
proxymap  unix  -  -  n  -     -  proxymap
virtual   unix  -  n  n  -     -  virtual
anvil     unix  -  -  n  -     1  anvil
"""


def receiving(folder: Path, domain: str, port: int, chain: bytes) -> tuple[str, str]:
    """What one needs to take mail for you@ and jürgen@ a domain; `chain`: key and certificate."""
    user = pwd.getpwnam("postfix")
    (folder / "mail").mkdir()
    shutil.chown(folder / "mail", "postfix")
    (folder / "chain.pem").write_bytes(chain)
    main = RECEIVING.format(folder=folder, domain=domain, uid=user.pw_uid, gid=user.pw_gid)
    return main, RECEIVING_SERVICES.format(port=port)


@contextlib.contextmanager
def postfix(
    folder: Path, transport: str, *, ca: str = "", tls: str = "none", more: tuple[str, str] = ("", "")
) -> Iterator[Postfix]:
    """Run one whose only next hop is `transport` (`smtp:[127.0.0.1]:2525`); `more`: see `receiving`."""
    if os.geteuid() != 0 or not shutil.which("postfix"):
        pytest.skip("needs postfix, and root to run it")
    for name in ("queue", "data"):
        (folder / name).mkdir()
    shutil.chown(folder / "data", "postfix")
    grant_others_access(folder)  # Postfix's programs give up root
    main = MAIN.format(folder=folder, transport=transport, ca=ca, tls=tls)
    (folder / "main.cf").write_text(main + more[0])
    (folder / "master.cf").write_text(MASTER + more[1])
    control = ["postfix", "-c", str(folder)]
    subprocess.run([*control, "start"], check=True, capture_output=True, timeout=60)
    try:
        yield Postfix(folder)
    finally:
        subprocess.run([*control, "stop"], check=False, capture_output=True, timeout=60)
