"""Adding accounts to a running provider: an administrator's verbs, run on its data directory."""

from functools import partial
from pathlib import Path

from pillarbox.admin import accounts, domains
from pillarbox.app.database import opened_database
from pillarbox.config.data_directory import DataDirectory
from pillarbox.directory import domains as directory
from pillarbox.directory.naming import parse_address
from pillarbox.world.clock import SystemClock
from pillarbox.world.database import Transaction
from pillarbox.world.entropy import SystemEntropy
from pillarbox.world.signals import announce_from_outside


def add_account(folder: Path, address: str, password: str) -> None:
    """Create an account, and its domain where that is new. Raises `NameRefused`."""
    domain = parse_address(address).domain
    entropy, now_ms = SystemEntropy(), SystemClock().now_ms()
    data = DataDirectory(folder)

    def add_domain(tx: Transaction) -> None:
        if directory.get(tx, domain) is None:
            domains.add(tx, domain, now_ms=now_ms)

    with opened_database(data) as database:
        database.on_commit = partial(announce_from_outside, data.signals)
        database.write_now(add_domain)
        salt = database.write_now(accounts.salt_for, address, entropy=entropy)
        new = accounts.with_password(address, password, salt=salt, entropy=entropy)
        database.write_now(accounts.create, new, now_ms=now_ms)
