"""What becomes of a source's mailboxes: messages of several, empty ones, roles, subscriptions, dates."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pillarbox.admin.importing.run import create_mailboxes
from pillarbox.admin.importing.source import AlreadyImported, Checkpoint, Found, SourceMailbox, SourceMessage
from pillarbox.mail.identifiers import AccountId
from pillarbox.store import mailboxes
from pillarbox.store.mailbox import Role
from pillarbox.world.database import Transaction
from tests.component.admin.test_importing import NOW_MS, Provider


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    made = Provider(tmp_path / "data")
    yield made
    made.database.close_now()


@dataclass(frozen=True, slots=True)
class Listed:
    """A source of these messages: their numbers with mailboxes and dates."""

    messages: tuple[tuple[int, tuple[str, ...], int | None], ...]
    name: str = "listed"
    mailbox: str = "Elsewhere"
    octets: int = 100

    def read(self, checkpoint_of: Callable[[str], Checkpoint | None]) -> Iterator[Found]:
        """See `Source.read`."""
        for number, names, at_ms in self.messages:
            if checkpoint_of(str(number)):
                yield AlreadyImported(1, number)
            else:
                octets = b"Subject: %d\r\nDate: Thu, 01 Jan 1970 00:00:01 +0000\r\n\r\n" % number
                yield SourceMessage(octets, "\\Seen", at_ms, Checkpoint(str(number)), number, names)


def held(provider: Provider) -> dict[str, list[int]]:
    return {
        name: [int(octets.split()[1]) for octets, flags, _ in messages if flags == "\\Seen"]
        for name, messages in provider.held().items()
    }


def test_a_message_of_several_mailboxes_is_in_each_of_them_and_once_on_the_disk(provider: Provider) -> None:
    source = Listed(
        (
            (1, (), None),
            (2, ("INBOX", "Work/A"), None),
            (3, ("INBOX", "Work/A"), None),
            (4, ("Work/A",), None),
        )
    )
    assert provider.bring_source(source).stored == 4
    assert held(provider) == {"Elsewhere": [1], "INBOX": [2, 3], "Work/A": [2, 3, 4]}
    assert provider.database.read_now(lambda tx: tx.value("SELECT COUNT(*) FROM emails")) == 4


def test_a_second_run_counts_what_is_there(provider: Provider) -> None:
    provider.bring_source(Listed(((1, (), None), (2, (), None))))
    again = provider.bring_source(Listed(((1, (), None), (2, (), None), (3, (), None))))
    assert (again.stored, again.already) == (1, 2)


def test_a_date_may_be_the_first_of_1970_or_before(provider: Provider) -> None:
    provider.bring_source(Listed(((1, (), 0), (2, (), -5_000), (3, (), None), (4, (), 2**32 * 1000))))
    dates = [at for _, _, at in provider.held()["Elsewhere"]]
    assert dates == [0, -5_000, 1_000, 2**32 * 1000]


@pytest.mark.parametrize("at_ms", [2**63, -(2**70), 10**15])
def test_a_date_that_is_none(provider: Provider, at_ms: int) -> None:
    provider.bring_source(Listed(((1, (), at_ms),)))
    assert [at for _, _, at in provider.held()["Elsewhere"]] == [1_000]


def _create(provider: Provider, *wanted: SourceMailbox, account: AccountId | None = None) -> None:
    provider.database.write_now(
        lambda tx: create_mailboxes(tx, account or provider.account, wanted, now_ms=NOW_MS)
    )


def _there(provider: Provider) -> dict[str, tuple[Role | None, bool]]:
    listing = provider.database.read_now(mailboxes.listing, provider.account)
    return {mailbox.name: (mailbox.role, mailbox.subscribed) for mailbox in listing}


def test_empty_mailboxes_come_with_role_and_subscription(provider: Provider) -> None:
    _create(
        provider,
        SourceMailbox("Gesendet", Role.SENT),
        SourceMailbox("Quiet", subscribed=False),
        SourceMailbox("Junk", Role.JUNK, subscribed=False),
    )
    there = _there(provider)
    assert there["Gesendet"] == (Role.SENT, True)
    assert there["Sent"] == (None, True)
    assert there["Quiet"] == (None, False)
    assert there["Junk"] == (Role.JUNK, False)


def test_sent_mail_comes_into_the_mailbox_for_sent_mail_whatever_its_name(provider: Provider) -> None:
    def rename(tx: Transaction) -> None:
        sent = mailboxes.by_name(tx, provider.account, "Sent")
        mailboxes.rename(tx, provider.account, sent.id, "Gesendet", now_ms=NOW_MS)

    provider.database.write_now(rename)
    result = provider.bring_source(Listed(((1, ("Sent", "INBOX"), None), (2, ("Sent", "Gesendet"), None))))
    assert held(provider) == {"INBOX": [1], "Gesendet": [1, 2]}
    assert result.mailboxes == {"INBOX", "Gesendet"}


def test_mailboxes_in_use_stay_as_they_are(provider: Provider) -> None:
    provider.bring_source(Listed(((1, ("Sent", "Trash"), None),)))
    _create(
        provider, SourceMailbox("Gesendet", Role.SENT), SourceMailbox("Trash", Role.JUNK, subscribed=False)
    )
    there = _there(provider)
    assert there["Sent"] == (Role.SENT, True)
    assert there["Gesendet"] == (None, True)
    assert there["Trash"] == (Role.TRASH, True)
