"""Who is away, what their mail is answered with (VacationResponse, RFC 8621 §8), and who has had that answer.

`accounts.responds` repeats whether an account has it switched on, so that mail for all others costs nothing.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from pillarbox.directory.withdrawal import announce_withdrawal
from pillarbox.mail.identifiers import AccountId, ModSeq
from pillarbox.world.database.transaction import Transaction

MAX_SUBJECT_CHARACTERS: Final = 200
MAX_BODY_CHARACTERS: Final = 32 * 1024
INTERVAL_MS: Final = 7 * 86_400_000
"""Nobody gets the same answer twice within this time (RFC 3834 §2)."""
MAX_SENDERS: Final = 10_000
"""Who had an answer in this time; where there are more, nobody else gets one."""
MAX_TIME_MS: Final = 253_402_300_799_000
"""The end of the year 9999."""


class VacationRefused(Exception):
    """Settings cannot be so: why, by the names that RFC 8621 §8 gives them."""

    def __init__(self, wrong: Mapping[str, str]) -> None:
        self.description = "; ".join(f"{name}: {why}" for name, why in wrong.items())
        super().__init__(self.description)
        self.properties = tuple(wrong)


class Vacation(Struct, frozen=True, gc=False):
    """The settings of an account. Times in ms since 1970."""

    is_enabled: bool = False
    from_ms: int | None = None
    to_ms: int | None = None
    subject: str | None = None
    text_body: str | None = None
    html_body: str | None = None

    def is_on(self, now_ms: int) -> bool:
        """Whether mail that comes now is answered."""
        return (
            self.is_enabled and (self.from_ms or 0) <= now_ms and (self.to_ms is None or now_ms < self.to_ms)
        )


class Settings(Struct, frozen=True, gc=False):
    """What is changed; what is unset stays."""

    is_enabled: bool | UnsetType = UNSET
    from_ms: int | UnsetType | None = UNSET
    to_ms: int | UnsetType | None = UNSET
    subject: str | UnsetType | None = UNSET
    text_body: str | UnsetType | None = UNSET
    html_body: str | UnsetType | None = UNSET


NO_VACATION: Final = Vacation()


def get(tx: Transaction, account: AccountId) -> Vacation:
    """The settings of an account."""
    row = tx.row(
        "SELECT enabled, from_ms, to_ms, subject, text_body, html_body FROM vacation_responses WHERE account = ?",
        (account,),
    )
    return Vacation(bool(row[0]), *row[1:]) if row else NO_VACATION


def state(tx: Transaction, account: AccountId) -> ModSeq:
    """The MODSEQ of the account at which they last changed."""
    found: int | None = tx.value("SELECT modseq FROM vacation_responses WHERE account = ?", (account,))
    return ModSeq(found or 0)


def update(tx: Transaction, account: AccountId, settings: Settings, *, modseq: ModSeq) -> None:
    """Change the settings; whoever had the answer before gets the new one. Raises `VacationRefused`."""
    changed = {
        name: value
        for name in Settings.__struct_fields__
        if not isinstance(value := getattr(settings, name), UnsetType)
    }
    after = replace(get(tx, account), **changed)
    _check(after)
    tx.execute(
        "INSERT INTO vacation_responses (account, enabled, from_ms, to_ms, subject, text_body, html_body, modseq)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account) DO UPDATE SET enabled = excluded.enabled,"
        " from_ms = excluded.from_ms, to_ms = excluded.to_ms, subject = excluded.subject,"
        " text_body = excluded.text_body, html_body = excluded.html_body, modseq = excluded.modseq",
        (
            account,
            int(after.is_enabled),
            after.from_ms,
            after.to_ms,
            after.subject,
            after.text_body,
            after.html_body,
            modseq,
        ),
    )
    tx.execute("DELETE FROM vacation_senders WHERE account = ?", (account,))
    tx.execute("UPDATE accounts SET responds = ? WHERE id = ?", (int(after.is_enabled), account))
    announce_withdrawal(tx)  # where mail goes is cached with this


def answered(tx: Transaction, account: AccountId, sender: str, *, now_ms: int) -> bool:
    """Remember that a sender gets the answer now; false where that is not to be, for the time being."""
    tx.execute(
        "DELETE FROM vacation_senders WHERE account = ? AND answered_at_ms <= ?",
        (account, now_ms - INTERVAL_MS),
    )
    row = tx.row("SELECT 1 FROM vacation_senders WHERE account = ? AND sender = ?", (account, sender))
    if row is not None:
        return False
    number: int = tx.value("SELECT count(*) FROM vacation_senders WHERE account = ?", (account,))
    if number >= MAX_SENDERS:
        return False
    tx.execute("INSERT INTO vacation_senders VALUES (?, ?, ?)", (account, sender, now_ms))
    return True


def _check(settings: Vacation) -> None:
    """Raises `VacationRefused`."""
    wrong = dict[str, str]()
    texts = (
        ("subject", settings.subject, MAX_SUBJECT_CHARACTERS),
        ("textBody", settings.text_body, MAX_BODY_CHARACTERS),
        ("htmlBody", settings.html_body, MAX_BODY_CHARACTERS),
    )
    for name, text, limit in texts:
        if text is not None and (len(text) > limit or "\0" in text or not _is_unicode(text)):
            wrong[name] = f"at most {limit} characters of text"
    if settings.subject is not None and not settings.subject.isprintable():
        wrong.setdefault("subject", "one line of text")
    for name, at_ms in (("fromDate", settings.from_ms), ("toDate", settings.to_ms)):
        if at_ms is not None and not 0 <= at_ms <= MAX_TIME_MS:
            wrong[name] = "a date from 1970 to 9999"
    if wrong:
        raise VacationRefused(wrong)


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
