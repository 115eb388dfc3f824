"""Mail that is submitted by JMAP (RFC 8621 §7): its envelope, what leaves, and what is remembered of it."""

import random

import pytest

from pillarbox.delivery import account_settings, tracking
from pillarbox.delivery.releasing import Prepared, release
from pillarbox.delivery.settle import ReportingMta
from pillarbox.delivery.submitted_envelope import (
    EnvelopeAddress,
    NotSubmitted,
    SubmittedEnvelope,
    of_header,
    of_json,
)
from pillarbox.directory import accounts, identities
from pillarbox.mail.header import Header
from pillarbox.mail.identifiers import ModSeq
from pillarbox.mail.number_set import EVERYTHING
from pillarbox.mail.summary import summarize
from pillarbox.protocol.smtp.client.envelope import Outcome, OutcomeKind
from pillarbox.queue import submissions
from pillarbox.queue.invariants import INVARIANTS
from pillarbox.queue.spool import QueueId
from pillarbox.queue.submissions import CannotCalculateChanges
from pillarbox.server.jmap import changes_page
from pillarbox.store import append, mailboxes, orphans, placements
from pillarbox.world.blobs import MAX_IN_DATABASE_OCTETS, prepare
from pillarbox.world.database import Transaction
from tests.kit.smtp.provider import NOW_MS
from tests.kit.smtp.submitting import DRAFT, Submitter, envelope, run_with_submitter

DELIVERED = Outcome(OutcomeKind.DELIVERED, "2.0.0", "250 2.0.0 OK")
DEFERRED = Outcome(OutcomeKind.DEFERRED, "4.2.1", "450 4.2.1 later")
UNREACHED = Outcome(OutcomeKind.DEFERRED, "4.4.1", "no server could be reached", said_by_server=False)
FAILED = Outcome(OutcomeKind.FAILED, "5.1.1", "550 5.1.1 no such user")
HOUR: dict[str, str | None] = {"HOLDFOR": "3600"}


def header(text: str) -> Header:
    return Header.parse(text.replace("\n", "\r\n").encode() + b"\r\n\r\n")[0]


@pytest.mark.rfc("8621 §7", "MUST")
@pytest.mark.parametrize(
    ("text", "sender", "to"),
    [
        ("From: a@x.example\nTo: b@x.example", "a@x.example", ["b@x.example"]),
        ("From: a@x.example\nBcc: b@x.example", "a@x.example", ["b@x.example"]),
        ("From: a@x.example\nTo: b@x.example\nCc: B <b@X.example>, c@x.example", "a@x.example",
         ["b@x.example", "c@x.example"]),
        ("From: b@x.example\nSender: a@x.example\nTo: crew: b@x.example, c@x.example;", "a@x.example",
         ["b@x.example", "c@x.example"]),
        ("From: other@x.example\nTo: b@x.example", "a@x.example", ["b@x.example"]),
        ("To: b@x.example\nResent-To: c@x.example", "a@x.example", ["b@x.example"]),
        ("From: a@x.example\nTo: nobody", "a@x.example", ["nobody"]),
        ("From: a@x.example", "a@x.example", []),
    ],
)  # fmt: skip
def test_the_envelope_of_a_header(text: str, sender: str, to: list[str]) -> None:
    found = of_header(header(text), "a@x.example", instead="i@x.example")
    assert isinstance(found, SubmittedEnvelope)
    assert found.mail_from.email == sender
    assert [each.email for each in found.rcpt_to] == to


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("From: a@x.example, b@x.example", "from"),
        ("From: a@x.example\nFrom: b@x.example", "from"),
        ("From: a@x.example\nSender: a@x.example\nSender: b@x.example", "sender"),
    ],
)
def test_who_sends_must_be_one(text: str, name: str) -> None:
    found = of_header(header(text), "a@x.example", instead="i@x.example")
    assert isinstance(found, NotSubmitted)
    assert (found.type, found.properties) == ("invalidEmail", (name,))


@pytest.mark.parametrize(
    ("author", "sender"),
    [("b@x.example", "b@x.example"), ("b@y.example", "i@x.example"), ("*@x.example", "i@x.example")],
)
def test_an_identity_may_stand_for_all_addresses_of_a_domain(author: str, sender: str) -> None:
    found = of_header(header(f"From: {author}\nTo: c@x.example"), "*@x.example", instead="i@x.example")
    assert isinstance(found, SubmittedEnvelope)
    assert found.mail_from.email == sender


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"mailFrom": 1, "rcptTo": []}', "\0"])
def test_an_envelope_that_is_damaged_is_empty(text: str) -> None:
    assert of_json(text) == SubmittedEnvelope(EnvelopeAddress(""), ())


def test_the_identity_must_be_there_and_usable() -> None:
    async def test(anna: Submitter) -> None:
        found = await anna.submit(identity="I99")
        assert isinstance(found, NotSubmitted)
        assert (found.type, found.properties) == ("invalidProperties", ("identityId",))
        database, shop = anna.provider.database, "shop@one.example"
        await database.write(accounts.add_address, anna.account, shop)
        made = await database.write(
            account_settings.create_identity, anna.account, shop, identities.Settings()
        )
        assert not isinstance(await anna.submit(identity=made), NotSubmitted)
        await database.write(accounts.remove_address, anna.account, shop)
        found = await anna.submit(identity=made)
        assert isinstance(found, NotSubmitted)
        assert found.type == "forbiddenFrom"

    run_with_submitter(test)


def test_a_message_leaves_without_bcc_and_stays_as_it_is() -> None:
    async def test(anna: Submitter) -> None:
        submission = await anna.sent()
        (placed,) = anna.provider.inbox("bert")
        queued = anna.provider.queued()
        assert [one["address"] for one in queued] == ["x@elsewhere.example", "secret@elsewhere.example"]
        for octets in (placed, *(one["octets"] for one in queued)):
            assert b"secret" not in octets.lower()
            assert octets.endswith(b"\r\n\r\nThe body.\r\n")
            assert b"\r\n\tby mx.one.example with HTTP id " in octets
        sent = anna.get(submission)
        own = anna.provider.database.read_now(identities.listing, anna.account)[0]
        assert (sent.undo, sent.send_at_ms, sent.identity) == ("final", NOW_MS, own.id)
        shown = of_json(sent.envelope)
        assert shown.mail_from == EnvelopeAddress("anna@one.example")
        assert [each.email for each in shown.rcpt_to] == [
            "bert@one.example",
            "x@elsewhere.example",
            "secret@elsewhere.example",
        ]
        assert b"Bcc: secret" in await anna.provider.database.read(
            anna.provider.blobs.read, (await anna.store(DRAFT)).blob
        )

    run_with_submitter(test)


def test_a_large_message_leaves_whole() -> None:
    async def test(anna: Submitter) -> None:
        body = b"0123456789abcdef0123456789abcdef\r\n" * (MAX_IN_DATABASE_OCTETS // 8)
        await anna.sent(DRAFT.replace(b"The body.\r\n", body), envelope("bert@one.example"))
        (placed,) = anna.provider.inbox("bert")
        assert placed.endswith(b"\r\n\r\n" + body)

    run_with_submitter(test)


def test_mail_to_oneself_arrives() -> None:
    async def test(anna: Submitter) -> None:
        await anna.sent(given=envelope("anna@one.example", "info@one.example", "crew@one.example"))
        assert len(anna.provider.inbox("anna")) == 1

    run_with_submitter(test)


@pytest.mark.rfc("8621 §7.5", "MUST")
@pytest.mark.parametrize(
    ("given", "error"),
    [
        (envelope(), NotSubmitted("noRecipients", "nobody would get it")),
        (envelope("nobody", "x@elsewhere.example", "also nobody"),
         NotSubmitted("invalidRecipients", "no addresses", invalid_recipients=("nobody", "also nobody"))),
        (envelope("nobody@one.example", "bert@one.example"),
         NotSubmitted("invalidRecipients", "unknown here, or full", invalid_recipients=("nobody@one.example",))),
        (envelope(*(f"r{number}@x.example" for number in range(1001))),
         NotSubmitted("tooManyRecipients", max_recipients=1000)),
        (envelope("bert@one.example", sender="bert@one.example"),
         NotSubmitted("forbiddenMailFrom", "the envelope's sender is no address of the account")),
        (envelope("bert@one.example", parameters={"HOLDFOR": "9999999"}),
         NotSubmitted("invalidProperties", "held for too long, or until the past", ("envelope",))),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_envelope_is_said(given: SubmittedEnvelope, error: NotSubmitted) -> None:
    async def test(anna: Submitter) -> None:
        assert await anna.submit(given=given) == error
        assert (anna.provider.queued(), anna.provider.inbox("bert")) == ([], [])
        assert anna.provider.database.read_now(submissions.ids, anna.account) == []

    run_with_submitter(test)


@pytest.mark.parametrize(
    "parameters",
    [
        {"HOLDFOR": "x"},
        {"HOLDFOR": None},
        {"HOLDFOR": "1 RET=FULL"},
        {"RET": "ALL"},
        {"X-UNKNOWN": "1"},
        {"RET\r\n": "FULL"},
        {"": "FULL"},
        {"HOLDFOR": "60", "HOLDUNTIL": "2023-12-01T08:00:00Z"},
        {f"X{number}": "1" for number in range(11)},
    ],
)
def test_parameters_must_be_known_and_valid(parameters: dict[str, str | None]) -> None:
    async def test(anna: Submitter) -> None:
        found = await anna.submit(given=envelope("bert@one.example", parameters=parameters))
        assert isinstance(found, NotSubmitted)
        assert (found.type, found.properties) == ("invalidProperties", ("envelope",))

    run_with_submitter(test)


def test_what_is_asked_for_goes_on_with_the_message() -> None:
    async def test(anna: Submitter) -> None:
        recipient = EnvelopeAddress(
            "x@elsewhere.example", {"notify": "SUCCESS,FAILURE", "orcpt": "rfc822;a+b@x.example"}
        )
        sender = EnvelopeAddress(
            "anna@one.example", {"ret": "HDRS", "SIZE": "1", "BODY": "8BITMIME", "ENVID": "mine"}
        )
        await anna.sent(given=SubmittedEnvelope(sender, (recipient,)))
        (queued,) = anna.provider.queued()
        assert (queued["notify"], queued["original"]) == ("FAILURE,SUCCESS", "rfc822;a+2Bb@x.example")
        assert (queued["return_content"], queued["envelope_id"] == "mine") == ("HDRS", False)
        assert queued["account"] == anna.account

    run_with_submitter(test)


@pytest.mark.parametrize(
    ("before", "after", "error"),
    [
        (b"From: Anna <anna@one.example>", b"From: bert@one.example", "forbiddenFrom"),
        (b"From: Anna <anna@one.example>", b"From: crew:;", "invalidEmail"),
        (b"Subject: Plan", b"Subject: a\0b", "invalidEmail"),
        (b"Bcc:", b"Bcc\0:", "invalidEmail"),
    ],
)
def test_the_rules_are_those_of_any_submission(before: bytes, after: bytes, error: str) -> None:
    async def test(anna: Submitter) -> None:
        found = await anna.submit(DRAFT.replace(before, after), envelope("bert@one.example"))
        assert isinstance(found, NotSubmitted)
        assert found.type == error

    run_with_submitter(test)


def test_an_email_that_is_damaged_is_not_sent() -> None:
    async def test(anna: Submitter) -> None:
        email = await anna.store(DRAFT)
        await anna.provider.database.write(lambda tx: tx.execute("UPDATE blob_octets SET octets = 'x'"))
        found = await anna.submit(DRAFT)
        assert isinstance(found, NotSubmitted)
        assert (found.type, found.properties) == ("invalidEmail", ("blobId",))
        assert email.blob

    run_with_submitter(test)


# --- what becomes of it


def test_recipients_here_have_it_at_once_and_the_others_when_a_server_says_so() -> None:
    async def test(anna: Submitter) -> None:
        submission = await anna.sent(
            given=envelope("bert@one.example", "both@one.example", "away@one.example", "x@elsewhere.example")
        )
        known = [
            ("bert@one.example", "yes", "250 2.0.0 delivered"),
            ("both@one.example", "unknown", "250 2.0.0 passed on to several addresses"),
        ]
        assert anna.statuses(submission) == [
            *known,
            ("away@one.example", "queued", "250 2.0.0 queued"),
            ("x@elsewhere.example", "queued", "250 2.0.0 queued"),
        ]
        state = anna.provider.database.read_now(submissions.state, anna.account)
        await anna.relay(DEFERRED, UNREACHED)
        assert anna.statuses(submission)[2:] == [
            ("away@one.example", "queued", "450 4.2.1 later"),
            ("x@elsewhere.example", "queued", "450 4.4.1 no server could be reached"),
        ]
        await anna.provider.clock.advance(3600)
        await anna.relay(DELIVERED, FAILED)
        assert anna.statuses(submission) == [
            *known,
            ("away@one.example", "unknown", "250 2.0.0 OK"),
            ("x@elsewhere.example", "no", "550 5.1.1 no such user"),
        ]
        changed = anna.provider.database.read_now(submissions.changes, anna.account, state)
        assert [(one.id, one.created <= state, one.destroyed) for one in changed] == [
            (submission, True, False)
        ]
        # our own report about the failure
        assert len(anna.get(submission).dsn_blobs) == 1

    run_with_submitter(test)


@pytest.mark.rfc("8621 §7", "SHOULD")
def test_a_reply_of_several_lines_is_one() -> None:
    async def test(anna: Submitter) -> None:
        submission = await anna.sent(given=envelope("x@elsewhere.example"))
        text = "550 5.7.1 Our system has detected that this message is 5.7.1 likely spam."
        await anna.relay(Outcome(OutcomeKind.FAILED, "5.7.1", text))
        assert anna.status(submission).reply == (
            "550 5.7.1 Our system has detected that this message is likely spam."
        )

    run_with_submitter(test)


def test_who_gets_no_mail_from_its_sender_has_no_effect_on_others() -> None:
    async def test(anna: Submitter) -> None:
        first, second = (
            await anna.sent(given=envelope("x@a.example")),
            await anna.sent(given=envelope("x@b.example")),
        )
        await anna.relay(FAILED)
        assert (anna.status(first).delivered, anna.status(second).delivered) == ("no", "no")
        third = await anna.sent(given=envelope("x@a.example"))
        assert anna.status(third).delivered == "queued"

    run_with_submitter(test)


def report(about: str, action: str = "failed", *, status: str = "5.1.1") -> bytes:
    return (
        "From: mailer-daemon@elsewhere.example\r\nTo: anna@one.example\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        f"Reporting-MTA: dns; mx.elsewhere.example\r\n{about}\r\n"
        f"Final-Recipient: rfc822; X@elsewhere.example\r\nAction: {action}\r\nStatus: {status}\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 gone\r\n"
        "--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <plan@one.example>\r\n\r\n--b--\r\n"
    ).encode()


async def arrives(anna: Submitter, octets: bytes, *, sender: str = "") -> None:
    client = anna.provider.client()
    await client.greet()
    await client.codes(f"MAIL FROM:<{sender}>", "RCPT TO:<anna@one.example>", "DATA")
    assert (await client.say(octets + b".\r\n")).startswith("250")


def envelope_id(anna: Submitter, submission: int) -> str:
    sql = "SELECT envelope_id FROM submissions WHERE id = ?"
    found: str = anna.provider.database.read_now(lambda tx: tx.value(sql, (submission,)))
    return found


@pytest.mark.rfc("8621 §7", "SHOULD")
@pytest.mark.parametrize("by", ["envelope id", "message id"])
@pytest.mark.parametrize(
    ("action", "delivered"),
    [
        ("failed", "no"),
        ("delivered", "yes"),
        ("relayed", "unknown"),
        ("delayed", "unknown"),
        ("expanded", "unknown"),
    ],
)
def test_a_report_that_comes_back_says_what_became_of_it(by: str, action: str, delivered: str) -> None:
    async def test(anna: Submitter) -> None:
        submission = await anna.sent(given=envelope("x@elsewhere.example", "y@elsewhere.example"))
        await anna.relay(DELIVERED, DELIVERED)
        about = f"Original-Envelope-Id: {envelope_id(anna, submission)}\r\n" if by == "envelope id" else ""
        octets = report(about, action)
        if by == "envelope id":
            octets = octets.replace(b"<plan@one.example>", b"<other@one.example>")
        await arrives(anna, octets)
        sent = anna.get(submission)
        assert [one.delivered for one in sent.recipients] == [delivered, "unknown"]
        assert len(sent.dsn_blobs) == 1
        (placed,) = anna.provider.inbox("anna")
        assert anna.provider.database.read_now(anna.provider.blobs.read, sent.dsn_blobs[0]) == placed
        if delivered == "no":
            assert sent.recipients[0].reply == "550 5.1.1 gone"

    run_with_submitter(test)


def test_what_our_own_servers_found_is_not_overruled() -> None:
    async def test(anna: Submitter) -> None:
        submission = await anna.sent(given=envelope("x@elsewhere.example"))
        await anna.relay(FAILED)
        await arrives(anna, report(f"Original-Envelope-Id: {envelope_id(anna, submission)}\r\n", "delivered"))
        assert anna.status(submission).delivered == "no"

    run_with_submitter(test)


@pytest.mark.parametrize("sender", ["x@elsewhere.example"])
def test_what_does_not_have_the_null_path_is_no_report(sender: str) -> None:
    async def test(anna: Submitter) -> None:
        submission = await anna.sent(given=envelope("x@elsewhere.example"))
        await anna.relay(DELIVERED)
        await arrives(anna, report(""), sender=sender)
        assert anna.status(submission).delivered == "unknown"
        assert anna.get(submission).dsn_blobs == ()

    run_with_submitter(test)


def test_a_receipt_says_that_it_was_displayed() -> None:
    async def test(anna: Submitter) -> None:
        submission = await anna.sent(given=envelope("x@elsewhere.example"))
        await anna.relay(DELIVERED)
        receipt = (
            b"From: x@elsewhere.example\r\nTo: anna@one.example\r\n"
            b"Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n"
            b"--b\r\n\r\nSeen.\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\n"
            b"Final-Recipient: rfc822;x@elsewhere.example\r\nOriginal-Message-ID: <plan@one.example>\r\n"
            b"Disposition: manual-action/MDN-sent-manually; displayed\r\n\r\n--b--\r\n"
        )
        await arrives(anna, receipt)
        sent = anna.get(submission)
        assert (sent.recipients[0].displayed, sent.recipients[0].delivered) == ("yes", "unknown")
        assert (len(sent.mdn_blobs), len(sent.dsn_blobs)) == (1, 0)

    run_with_submitter(test)


# --- undoing


def test_what_is_held_may_be_undone_and_then_nobody_gets_it() -> None:
    async def test(anna: Submitter) -> None:
        submission = await anna.sent(
            given=envelope("bert@one.example", "x@elsewhere.example", parameters=HOUR)
        )
        sent = anna.get(submission)
        assert (sent.undo, sent.send_at_ms) == ("pending", NOW_MS + 3_600_000)
        assert await anna.cancel(submission)
        assert await anna.cancel(submission)
        await anna.let_go(3600)
        assert anna.get(submission).undo == "canceled"
        assert {one.delivered for one in anna.get(submission).recipients} == {"no"}
        assert (anna.provider.queued(), anna.provider.inbox("bert")) == ([], [])

    run_with_submitter(test)


@pytest.mark.rfc("8621 §7.5", "MUST")
def test_what_has_left_cannot_be_undone() -> None:
    async def test(anna: Submitter) -> None:
        submission = await anna.sent(given=envelope("bert@one.example", "away@one.example", parameters=HOUR))
        assert [one.delivered for one in anna.get(submission).recipients] == ["queued", "queued"]
        await anna.let_go(3600)
        assert anna.get(submission).undo == "final"
        assert anna.statuses(submission) == [
            ("bert@one.example", "yes", "250 2.0.0 delivered"),
            ("away@one.example", "queued", "250 2.0.0 queued"),
        ]
        assert not await anna.cancel(submission)
        await anna.relay(FAILED)
        assert anna.statuses(submission)[1] == ("away@one.example", "no", "550 5.1.1 no such user")
        with pytest.raises(LookupError):
            await anna.cancel(77)

    run_with_submitter(test)


def test_it_may_leave_at_once() -> None:
    async def test(anna: Submitter) -> None:
        submission = await anna.sent(given=envelope("bert@one.example", parameters=HOUR))
        send_now = anna.provider.database.write
        assert await send_now(tracking.send_now, anna.account, submission, now_ms=NOW_MS)
        await anna.let_go()
        assert len(anna.provider.inbox("bert")) == 1
        assert not await send_now(tracking.send_now, anna.account, submission, now_ms=NOW_MS)

    run_with_submitter(test)


def test_a_recipient_that_is_gone_by_then_has_failed() -> None:
    async def test(anna: Submitter) -> None:
        submission = await anna.sent(given=envelope("bert@one.example", parameters=HOUR))
        await anna.provider.database.write(accounts.remove, anna.provider.people["bert"])
        await anna.let_go(3600)
        assert anna.statuses(submission) == [
            ("bert@one.example", "no", "550 5.1.1 the address does not exist any more")
        ]
        assert anna.get(submission).undo == "final"

    run_with_submitter(test)


def test_the_outcome_of_undoings_around_the_time_is_what_was_answered() -> None:
    async def test(anna: Submitter) -> None:
        chance = random.Random(11)
        undone = 0
        draft = await anna.store(DRAFT)
        assert draft.blob
        for number in range(1, 101):
            submission = await anna.sent(given=envelope("bert@one.example", parameters={"HOLDFOR": "1"}))
            early = chance.random() < 0.5
            await anna.provider.clock.advance(0.95)
            if not early:
                await anna.let_go(chance.uniform(0.05, 0.1))
            answer = await anna.cancel(submission)
            await anna.let_go(1)
            undone += answer
            assert len(anna.provider.inbox("bert")) == number - undone
            assert anna.get(submission).undo == ("canceled" if answer else "final")
        assert 0 < undone < 100

    run_with_submitter(test)


def test_a_crash_while_it_leaves_leaves_it_held() -> None:
    """All that is written when it leaves is one transaction: one mail, whenever that is broken off."""

    class Crash(Exception): ...

    def broken_off(
        tx: Transaction, message: QueueId, ready: Prepared, mta: ReportingMta, now_ms: int
    ) -> None:
        assert release(tx, message, ready, mta, separate_domains=False, now_ms=now_ms) is not None
        raise Crash

    async def test(anna: Submitter) -> None:
        world = anna.provider.world
        submission = await anna.sent(
            given=envelope("bert@one.example", "x@elsewhere.example", parameters=HOUR)
        )
        await anna.provider.clock.advance(3600)
        ready = Prepared(append.Message(prepare(DRAFT), summarize(DRAFT)), None)
        mta = ReportingMta("mx.one.example", world.blobs, world.entropy)
        with pytest.raises(Crash):
            await world.database.write(broken_off, QueueId(1), ready, mta, world.clock.now_ms())
        assert (anna.provider.inbox("bert"), anna.get(submission).undo) == ([], "pending")
        await anna.let_go()
        await anna.let_go()
        assert (len(anna.provider.inbox("bert")), len(anna.provider.queued())) == (1, 1)

    run_with_submitter(test)


@pytest.mark.rfc("8621 §7.5", "MUST NOT")
def test_to_delete_the_email_or_the_submission_stops_nothing() -> None:
    async def test(anna: Submitter) -> None:
        database = anna.provider.database
        submission = await anna.sent(given=envelope("bert@one.example", parameters=HOUR))

        def delete(tx: Transaction) -> None:
            drafts = mailboxes.by_name(tx, anna.account, "Drafts").id
            placements.expunge(tx, anna.account, drafts, EVERYTHING, deleted_only=False)
            orphans.sweep(tx)
            tracking.destroy(tx, anna.account, submission)

        await database.write(delete)
        await anna.let_go(3600)
        (placed,) = anna.provider.inbox("bert")
        assert placed.endswith(b"\r\n\r\nThe body.\r\n")

    run_with_submitter(test)


# --- remembering


def test_changes_since_a_state() -> None:
    async def test(anna: Submitter) -> None:
        database = anna.provider.database

        def state() -> ModSeq:
            return database.read_now(submissions.state, anna.account)

        def changes(since: int) -> tuple[list[int], list[int], list[int]]:
            logged = database.read_now(submissions.changes, anna.account, ModSeq(since))
            found = changes_page.page(logged, ModSeq(since), 100)
            return found.created, found.updated, found.destroyed

        empty = state()
        first = await anna.sent(given=envelope("x@a.example"))
        one = state()
        second = await anna.sent(given=envelope("x@b.example"))
        assert changes(empty) == ([first, second], [], [])
        assert changes(one) == ([second], [], [])
        two = state()
        assert await database.write(tracking.destroy, anna.account, first)
        assert not await database.write(tracking.destroy, anna.account, first)
        assert changes(two) == ([], [], [first])
        assert changes(empty) == ([second], [], [])
        assert len(anna.provider.queued()) == 2, "the message goes its way"
        with pytest.raises(CannotCalculateChanges):
            changes(state() + 1)

    run_with_submitter(test)


def test_an_account_has_so_many_submissions_and_forgets_the_oldest() -> None:
    async def test(anna: Submitter) -> None:
        database = anna.provider.database
        held = await anna.sent(given=envelope("bert@one.example", parameters=HOUR))
        first = await anna.sent(given=envelope("bert@one.example"))

        def named(number: int) -> None:
            sql = "UPDATE submission_counters SET recipients = recipients + ?"
            database.write_now(lambda tx: tx.execute(sql, (number,)))

        named(submissions.MAX_RECIPIENTS - 2)
        second = await anna.sent(given=envelope("bert@one.example"))
        assert database.read_now(submissions.ids, anna.account) == [held, second]
        assert first not in database.read_now(submissions.ids, anna.account)
        named(2 - submissions.MAX_RECIPIENTS)
        assert database.read_now(lambda tx: [i for i in INVARIANTS if list(i.find(tx))]) == []

    run_with_submitter(test)


def test_what_was_sent_long_ago_is_forgotten_in_two_steps() -> None:
    async def test(anna: Submitter) -> None:
        database, clock = anna.provider.database, anna.provider.clock
        submission = await anna.sent(given=envelope("bert@one.example"))
        held = await anna.sent(given=envelope("bert@one.example", parameters={"HOLDFOR": "2592000"}))
        state = database.read_now(submissions.state, anna.account)

        async def forget() -> int:
            return await database.write(tracking.forget_old, now_ms=clock.now_ms(), limit=10)

        assert await forget() == 0
        await clock.advance(30 * 86_400 + 1)
        assert await forget() == 1
        assert database.read_now(submissions.ids, anna.account) == [held]
        (gone,) = database.read_now(submissions.changes, anna.account, state)
        assert (gone.id, gone.destroyed) == (submission, True)
        await clock.advance(30 * 86_400 + 1)
        await forget()
        with pytest.raises(CannotCalculateChanges):
            database.read_now(submissions.changes, anna.account, state)
        third = await anna.sent(given=envelope("bert@one.example"))
        assert third > held > submission

    run_with_submitter(test)
