"""Checks at every stage, and what their findings do: with toy checks, through SMTP sessions."""

import itertools
from collections.abc import Sequence
from typing import ClassVar

import pytest

from pillarbox.delivery.checks.check import (
    NO_VERDICT,
    NOTHING_FOUND,
    Check,
    Decision,
    Evidence,
    Finding,
    Stage,
)
from pillarbox.delivery.checks.table import CHECKS
from pillarbox.delivery.envelope import Source
from pillarbox.delivery.refusal import Reason, Refused
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.store import mailboxes
from pillarbox.world.database import Transaction
from tests.kit.smtp.provider import SmtpClient, SmtpProvider, run_with_smtp

MESSAGE = b"Subject: x\r\n\r\nbody\r\n"


def toy(finding: Finding, name: str = "toy") -> type[Check]:
    """A check that always finds this, and notes what it was asked."""

    class Toy(Check):
        seen: ClassVar[list[object]] = []

        def begin(self, evidence: Evidence) -> None:
            self.seen.append("begin")

        async def conclude(self, evidence: Evidence) -> Finding:
            self.seen.append((evidence.envelope is not None, evidence.recipient, evidence.top))
            return finding

    Toy.name = name
    return Toy


async def send(client: SmtpClient, *recipients: str) -> list[int]:
    codes = await client.codes(
        "MAIL FROM:<a@mail.example>", *[f"RCPT TO:<{one}@one.example>" for one in recipients], "DATA"
    )
    answer = await client.say(MESSAGE + b".\r\n") if codes[-1] == 354 else ""
    return [*codes, int(answer[:3] or 0)]


def placed(provider: SmtpProvider, login: str, mailbox: str) -> int:
    def count(tx: Transaction, account: AccountId) -> int:
        return mailboxes.by_name(tx, account, mailbox).messages

    return provider.database.read_now(count, provider.people[login])


# --- folding


ANYTHING = {
    Decision.ACCEPT: Finding(remark="fine", result="ok"),
    Decision.QUARANTINE: Finding(Decision.QUARANTINE, fields=(b"X-Spam: yes\r\n",)),
    Decision.DEFER: Finding(Decision.DEFER, "7.1", "later"),
    Decision.REJECT: Finding(Decision.REJECT, "7.1", "never"),
}


@pytest.mark.parametrize("decisions", list(itertools.permutations(Decision)))
def test_of_several_findings_the_gravest_counts(decisions: Sequence[Decision]) -> None:
    verdict = NO_VERDICT
    for decision in decisions:
        verdict = verdict.with_finding("toy", ANYTHING[decision])
    assert verdict.decision is Decision.REJECT
    assert verdict.refused == Refused(Reason.REJECTED_BY_CHECK, "7.1", "never")
    assert (verdict.remarks, verdict.fields) == (("fine",), (b"X-Spam: yes\r\n",))
    assert verdict.results == (("toy", "ok"),)


def test_nothing_found_changes_nothing() -> None:
    assert NO_VERDICT.with_finding("toy", NOTHING_FOUND) is NO_VERDICT
    quarantined = NO_VERDICT.with_finding("toy", ANYTHING[Decision.QUARANTINE])
    assert quarantined.decision is Decision.QUARANTINE
    assert quarantined.refused is None


def test_every_listed_check_has_a_name_of_its_own() -> None:
    listed = dict.fromkeys(kind for kinds in CHECKS.values() for kind in kinds)
    assert set(CHECKS) == set(Stage)
    assert len({kind.name for kind in listed}) == len(listed)
    # names of the log event "message accepted" are taken
    assert not {kind.name for kind in listed} & {"trace", "role", "client", "recipients", "inboxes"}


# --- effects


def test_a_quarantined_message_is_placed_in_junk() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(checks={Stage.DATA: (toy(Finding(Decision.QUARANTINE)),)})
        await client.greet()
        assert (await send(client, "anna", "info"))[-1] == 250
        assert [placed(provider, who, "Junk") for who in ("anna", "bert")] == [1, 1]
        assert [placed(provider, who, "INBOX") for who in ("anna", "bert")] == [0, 0]

    run_with_smtp(test)


def test_without_a_junk_mailbox_it_is_placed_in_the_inbox() -> None:
    async def test(provider: SmtpProvider) -> None:
        def remove(tx: Transaction) -> None:
            anna = provider.people["anna"]
            mailboxes.delete(tx, anna, mailboxes.by_name(tx, anna, "Junk").id)

        provider.database.write_now(remove)
        client = provider.client(checks={Stage.DATA: (toy(Finding(Decision.QUARANTINE)),)})
        await client.greet()
        assert (await send(client, "anna", "bert"))[-1] == 250
        assert (placed(provider, "anna", "INBOX"), placed(provider, "bert", "Junk")) == (1, 1)

    run_with_smtp(test)


def test_fields_and_remarks_are_added_on_top() -> None:
    async def test(provider: SmtpProvider) -> None:
        first = toy(Finding(fields=(b"Authentication-Results: x; spf=pass\r\n",), remark="a remark"), "first")
        second = toy(Finding(fields=(b"X-Second: 1\r\n",), remark="another", result="good"), "second")
        client = provider.client(checks={Stage.SENDER: (first,), Stage.DATA: (second,)})
        await client.greet()
        assert (await send(client, "both"))[-1] == 250
        [octets] = provider.inbox("anna")
        top = b"Authentication-Results: x; spf=pass\r\nX-Second: 1\r\nReceived: from client.example"
        assert octets.startswith(b"Return-Path: <a@mail.example>\r\n" + top)
        assert b"(a remark; another)" in octets
        assert provider.queued()[0]["octets"].startswith(top)
        [event] = [fields for name, fields in provider.telemetry.events if name == "message accepted"]
        assert event["second"] == "good"

    run_with_smtp(test)


def test_the_name_of_a_check_cannot_fail_a_message_that_was_committed() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(checks={Stage.DATA: (toy(Finding(result="mine"), "size_octets"),)})
        await client.greet()
        assert (await send(client, "anna"))[-1] == 250
        assert placed(provider, "anna", "INBOX") == 1
        [event] = [fields for name, fields in provider.telemetry.events if name == "message accepted"]
        assert event["size_octets"] == len(MESSAGE)

    run_with_smtp(test)


@pytest.mark.parametrize(
    ("decision", "code", "answer"),
    [(Decision.DEFER, 451, "451 4.7.1 No\r\n"), (Decision.REJECT, 550, "550 5.7.1 No\r\n")],
)
def test_refusals_at_each_stage(decision: Decision, code: int, answer: str) -> None:
    finding = Finding(decision, "7.1", "No")

    async def test(provider: SmtpProvider) -> None:
        client = provider.client(checks={Stage.CONNECT: (toy(finding),)})
        # RFC 5321 §3.1, §3.8: a connection is refused with 554 or 421
        assert (await client.connect())[:10] in ("421 4.7.1 ", "554 5.7.1 ")
        assert not client.connection.open
        client = provider.client(checks={Stage.GREETING: (toy(finding),)})
        assert await client.greet() == answer
        assert await client.codes("MAIL FROM:<a@mail.example>") == [503]
        client = provider.client(checks={Stage.SENDER: (toy(finding),)})
        await client.greet()
        assert await send(client, "anna") == [code, 503, 503, 0]
        client = provider.client(checks={Stage.RECIPIENT: (toy(finding),)})
        await client.greet()
        assert await send(client, "anna") == [250, code, 503, 0]
        client = provider.client(checks={Stage.DATA: (toy(finding),)})
        await client.greet()
        assert await send(client, "anna") == [250, 250, 354, code]
        assert provider.inbox("anna") == []

    run_with_smtp(test)


def test_findings_about_the_connection_concern_each_of_its_messages() -> None:
    async def test(provider: SmtpProvider) -> None:
        table = {
            Stage.CONNECT: (toy(Finding(remark="listed"), "connect"),),
            Stage.GREETING: (toy(Finding(Decision.QUARANTINE), "greeting"),),
        }
        client = provider.client(checks=table)
        await client.greet()
        for _ in range(2):
            assert (await send(client, "anna"))[-1] == 250
        assert placed(provider, "anna", "Junk") == 2

    run_with_smtp(test)


# --- evidence


def test_what_a_check_is_asked() -> None:
    async def test(provider: SmtpProvider) -> None:
        check = toy(NOTHING_FOUND)
        table = dict.fromkeys(Stage, (check,))
        client = provider.client(checks=table)
        await client.greet()
        assert (await send(client, "anna"))[-1] == 250
        seen = check.seen  # type: ignore[attr-defined]  # of the toy
        assert [one if one == "begin" else (one[0], str(one[1]), one[2]) for one in seen] == [
            (False, "None", b""),
            (False, "None", b""),
            "begin",
            (True, "None", b""),
            (True, "anna@one.example", b""),
            (True, "anna@one.example", MESSAGE),
        ]

    run_with_smtp(test)


def test_a_refused_recipient_leaves_no_trace() -> None:
    class OnlyAnna(Check):
        name = "only_anna"

        async def conclude(self, evidence: Evidence) -> Finding:
            anna = evidence.recipient is not None and evidence.recipient.local == "anna"
            return NOTHING_FOUND if anna else Finding(Decision.REJECT, remark="not anna")

    async def test(provider: SmtpProvider) -> None:
        client = provider.client(checks={Stage.RECIPIENT: (OnlyAnna,)})
        await client.greet()
        assert await send(client, "bert", "anna") == [250, 550, 250, 354, 250]
        assert b"not anna" not in provider.inbox("anna")[0]
        assert provider.inbox("bert") == []

    run_with_smtp(test)


def test_checks_apply_to_the_sources_they_name() -> None:
    class Everywhere(toy(Finding(result="seen"), "everywhere")):  # type: ignore[misc]  # a class made above
        sources = frozenset(Source)

    async def test(provider: SmtpProvider) -> None:
        table = {Stage.DATA: (toy(Finding(result="seen"), "public"), Everywhere)}
        for role in (Role.MX, Role.LMTP):
            client = provider.client(role, checks=table)
            await client.greet()
            assert (await send(client, "anna"))[-1] == 250
        found = [fields for name, fields in provider.telemetry.events if name == "message accepted"]
        assert ["public" in fields for fields in found] == [True, False]
        assert ["everywhere" in fields for fields in found] == [True, True]

    run_with_smtp(test)


def test_a_large_message_is_checked_by_its_top() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client(checks={Stage.DATA: (toy(Finding(remark="a remark")),)})
        await client.greet()
        await client.codes("MAIL FROM:<a@mail.example>", "RCPT TO:<anna@one.example>", "DATA")
        for _ in range(40):
            await client.say(b"x" * 998 + b"\r\n" + b"y" * 64_000 + b"\r\n")
        assert (await client.say(b".\r\n")).startswith("250")
        assert b"(a remark)" in provider.inbox("anna")[0][:1000]

    run_with_smtp(test)


def test_a_check_cannot_have_the_name_that_the_log_uses() -> None:
    async def test(provider: SmtpProvider) -> None:
        with pytest.raises(AssertionError, match="the log"):
            provider.client(checks={Stage.DATA: (toy(Finding(), "event"),)})

    run_with_smtp(test)
