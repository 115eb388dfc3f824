"""A value that nobody wrote, in any column of any table, is the world's failure in every protocol, and never ours."""

import asyncio
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from pillarbox.app.resolved import resolve
from pillarbox.directory import aliases, domains, groups
from pillarbox.directory.sign_in import app_passwords, known_clients, secrets
from pillarbox.directory.sign_in.app_passwords import AppPasswordHash, Scope
from pillarbox.mail.number_set import NumberSet
from pillarbox.queue import spool
from pillarbox.queue.schedule import any_due, any_leased
from pillarbox.server.chores.table import CHORES
from pillarbox.server.relay.relay import Relay
from pillarbox.store import flags, mailboxes, placements
from pillarbox.store.flags import Mode
from pillarbox.world.blobs import prepare
from pillarbox.world.database import DatabaseDamaged, DatabaseUnavailable, Transaction
from tests.kit.damaged_value import VALUES, columns, put_value
from tests.kit.every_verb import RIGHT, no_rest, play, run_chore, verdict
from tests.kit.provider import Provider, open_provider

MESSAGE = (
    b"Subject: number %d\r\nMessage-Id: <%d@two.example>\r\nFrom: <bob@two.example>\r\n\r\nneedle %d\r\n"
)
TABLES = (
    "domains", "accounts", "accounts_issued", "addresses", "alias_targets", "member_groups", "group_members",
    "passwords", "app_passwords", "known_clients", "installation_secrets", "dkim_keys",
    "ledgers", "mailboxes", "subscriptions", "placements", "flags", "flag_texts", "emails", "orphans", "thread_keys",
    "changes", "search_attempts",
    "queue_messages", "queue_recipients", "queue_destinations",
    "blobs", "blob_octets", "schema_versions",
)  # fmt: skip
"""All that have rows here."""
RECIPIENTS = (b"info@one.example", b"staff@one.example", b"postmaster@one.example", b"u0@alias.example")
NOT_FOUND = {
    "addresses.local", "addresses.domain", "group_members.group_id", "group_members.account", "ledgers.account",
}  # fmt: skip
"""What rows are looked up by: who has another value there is not found, and `fsck` alone can tell."""

_LOOKS = 100


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("values") / "data"
    folder.mkdir()

    async def fill() -> None:
        provider = await open_provider(folder)
        for number in range(6):
            await provider.deliver(0, MESSAGE.replace(b"%d", b"%d" % number))
        for chore in CHORES:
            while await chore.run(provider.world, no_rest):
                pass
        await provider.world.database.write(_more, provider)
        await provider.close()

    asyncio.run(fill())
    assert columns(folder).keys() == set(TABLES)
    return folder


def _more(tx: Transaction, provider: Provider) -> None:
    account, now_ms = provider.accounts[0], provider.world.clock.now_ms()
    inbox, sent = (mailboxes.by_name(tx, account, name).id for name in ("INBOX", "Sent"))
    flags.alter(tx, account, inbox, NumberSet(((2, 3),)), mode=Mode.ADD, flags="\\Seen " + "k" * 60)
    placements.copy(tx, account, inbox, NumberSet(((2, 2),)), to=sent, now_ms=now_ms)
    placements.expunge(tx, account, inbox, NumberSet(((6, 6),)), deleted_only=False)
    recipients = [spool.QueuedRecipient(f"{name}@far.example", "far.example") for name in ("a", "b")]
    spool.enqueue(tx, spool.Outbound(prepare(MESSAGE), "u0@one.example", tuple(recipients)), now_ms=now_ms)
    aliases.create(tx, "info@one.example", ["u0@one.example"])
    group = groups.create(tx, "staff", "staff@one.example")
    groups.add_member(tx, group, account)
    keys = AppPasswordHash(bytes(32), bytes(32), bytes(32))
    app_passwords.add(tx, account, keys, name="phone", scopes=frozenset({Scope.IMAP}), now_ms=now_ms)
    known_clients.remember(tx, account, known_clients.client_key("192.0.2.1"), now_ms=now_ms)
    secrets.ensure(tx, secrets.CREDENTIALS, bytes(secrets.SECRET_OCTETS))
    domains.create(tx, "alias.example", alias_of="one.example", now_ms=now_ms)


def _failures(folder: Path, where: str) -> list[str]:
    """What is wrong with what is said and told, where a value is damaged."""
    wrong: list[str] = []
    with asyncio.Runner() as runner:
        try:
            provider = runner.run(open_provider(folder, people=False))
        except DatabaseDamaged:
            return []
        reported: list[BaseException] = []
        provider.world.database.on_failure = lambda _what, failure: reported.append(failure)
        for protocol, line, answer in play(provider, runner.run, recipients=RECIPIENTS):
            said = verdict(protocol, answer)
            if not said.startswith(RIGHT[protocol]) and where not in NOT_FOUND:
                wrong.append(f"{line!r} was answered {said!r}")
        for chore in CHORES:
            with suppress(DatabaseUnavailable):
                runner.run(run_chore(chore, provider))
        runner.run(_relay_once(provider))
        wrong += [f"ours: {name}: {failure!r}" for name, failure in provider.telemetry.failures]
        wrong += [
            f"reported: {failure!r}" for failure in reported if not isinstance(failure, DatabaseDamaged)
        ]
        runner.run(provider.close())
    return wrong


async def _relay_once(provider: Provider) -> None:
    """Try what is due, until what came of it is written."""
    config, database, now_ms = provider.config, provider.world.database, provider.world.clock.now_ms()
    relay = Relay(provider.world, config, resolve(config).routes)
    relay.start()
    with suppress(DatabaseUnavailable):
        for _ in range(_LOOKS):  # where the row of a destination is damaged, perhaps nothing is claimed
            # Written, to come after what the relay has written, and to let its tasks go on
            if await database.write(_is_idle, now_ms):
                break
    await relay.stop(1)


def _is_idle(tx: Transaction, now_ms: int) -> bool:
    return not any_due(tx, now_ms=now_ms) and not any_leased(tx, now_ms=now_ms)


@pytest.mark.parametrize("table", TABLES)
def test_a_value_that_nobody_wrote_is_the_worlds_failure(pristine: Path, tmp_path: Path, table: str) -> None:
    """Of each column two values, others of each: all of them take minutes."""
    found: dict[str, list[str]] = {}
    for number, column in enumerate(columns(pristine)[table]):
        for value in (VALUES[number % len(VALUES)], VALUES[(number + 2) % len(VALUES)]):
            folder = tmp_path / f"{column} {VALUES.index(value)}"
            shutil.copytree(pristine, folder)
            if put_value(folder, table, column, value):
                where = f"{table}.{column}"
                if wrong := _failures(folder, where):
                    found[f"{where} = {value}"] = wrong
            shutil.rmtree(folder)
    assert not found
