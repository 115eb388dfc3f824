"""One SPF check against records that are written down."""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from pillarbox.dns import Failure, Kind, Outcome, Record
from pillarbox.mail.address import Address
from pillarbox.trust.questions import Lookup
from pillarbox.trust.spf import SpfResult, check_mail_from
from tests.kit.asking import Answers, Zone

CLIENT = "192.0.2.1"
SERVFAIL = Failure("server says SERVFAIL")


def zone(texts: Mapping[str, str | Sequence[str] | Outcome[Any]], others: Zone | None = None) -> Zone:
    """TXT records by name, one or several, and other records."""
    found = dict[tuple[str, Kind], Sequence[Record] | Outcome[Any]](others or {})
    for name, text in texts.items():
        if isinstance(text, str):
            found[name, Kind.TXT] = [text.encode("latin-1")]
        elif isinstance(text, Sequence):
            found[name, Kind.TXT] = [each.encode("latin-1") for each in text]
        else:
            found[name, Kind.TXT] = text
    return found


class Checking:
    """Checks senders, and counts what is asked for it."""

    def __init__(
        self, texts: Mapping[str, str | Sequence[str] | Outcome[Any]], others: Zone | None = None
    ) -> None:
        self.answers = Answers(zone(texts, others))

    def mail_from(
        self, sender: str = "joe@example.org", *, ip: str = CLIENT, helo: str = "mail.example.org"
    ) -> SpfResult:
        """The MAIL FROM identity; an empty `sender` is the null reverse-path."""
        local, _, domain = sender.rpartition("@")
        return self.answers.to(
            check_mail_from(
                ip_address(ip),
                Address(local, domain) if sender else None,
                helo,
                receiver="mx.example.net",
                now=1_700_000_000,
            )
        )

    @property
    def asked(self) -> list[tuple[str, Kind]]:
        """The questions so far."""
        return [
            (question.name, question.kind) for question in self.answers.asked if isinstance(question, Lookup)
        ]


def result_of(record: str, others: Zone | None = None, **session: str) -> str:
    """The result of one record at example.org."""
    return Checking({"example.org": record}, others).mail_from(**session).result.value
