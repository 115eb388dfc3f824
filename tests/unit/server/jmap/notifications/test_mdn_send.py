"""MDN/send: what is sent, and why not (RFC 9007 §2.1)."""

import asyncio
from typing import Any

import pytest

from pillarbox.delivery import notifying
from pillarbox.delivery.submitted_envelope import NotSubmitted
from pillarbox.directory import accounts
from pillarbox.mail.disposition_reading import read
from pillarbox.mail.header import Header
from pillarbox.mail.part_parser import parse
from pillarbox.protocol.jmap.capabilities import CORE, MAIL, MDN, SUBMISSION
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.server.jmap.notifications import composing
from pillarbox.world.database import DatabaseUnavailable
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.submitting import octets_of, own_identity, store

ASKED = (
    b"Return-Path: <u1@one.example>\r\nFrom: u1@one.example\r\nTo: u0@one.example\r\n"
    b"Subject: World domination\r\nMessage-ID: <asked@one.example>\r\n"
    b"Disposition-Notification-To: u1@one.example\r\n"
)
DISPLAYED = {"actionMode": "manual-action", "sendingMode": "mdn-sent-manually", "type": "displayed"}
AUTOMATIC = {"actionMode": "automatic-action", "sendingMode": "mdn-sent-automatically", "type": "processed"}
MARK = {"keywords/$mdnsent": True}


async def responses(client: JmapClient, send: dict[str, Any], **more: Any) -> list[Any]:
    arguments = {
        "accountId": client.account_id,
        "identityId": more.pop("identityId", None) or await own_identity(client),
        "send": send,
        "onSuccessUpdateEmail": more.pop("onSuccessUpdateEmail", {f"#{key}": MARK for key in send}),
    }
    answer = await client.request(["MDN/send", arguments, "c"], **more)
    return [(name, said) for name, said, _ in answer["methodResponses"]]


async def outcome(client: JmapClient, email: str, **properties: Any) -> dict[str, Any]:
    """What is said of one that is sent, or the error."""
    record = {"forEmailId": email, "disposition": DISPLAYED, **properties}
    said = (await responses(client, {"k": record}))[0][1]
    found: dict[str, Any] = (said["sent"] or said["notSent"])["k"]
    return found


async def keywords(client: JmapClient, email: str) -> Any:
    _, said = await client.call("Email/get", ids=[email], properties=["keywords"])
    return said["list"][0]["keywords"]


@pytest.mark.rfc("9007 §2.1", "MUST")
@pytest.mark.rfc("8098 §3", "MUST")
def test_the_sender_learns_that_a_message_was_displayed() -> None:
    async def test(client: JmapClient) -> None:
        email = await store(client, ASKED, to="INBOX")
        record = {
            "forEmailId": email,
            "subject": "Read receipt",
            "textBody": "Shown.\n",
            "reportingUA": "joes-pc.example; Foomail 97.1",
            "disposition": DISPLAYED,
            "extensionFields": {"EXTENSION-EXAMPLE": "example.com"},
        }
        (name, said), (implied, done) = await responses(client, {"k": record})
        assert (name, implied) == ("MDN/send", "Email/set")
        assert said == {
            "accountId": client.account_id,
            "sent": {
                "k": {
                    "includeOriginalMessage": False,
                    "mdnGateway": None,
                    "originalRecipient": None,
                    "finalRecipient": "rfc822; u0@one.example",
                    "originalMessageId": "<asked@one.example>",
                    "error": None,
                }
            },
            "notSent": None,
        }
        assert list(done["updated"]) == [email]
        assert await keywords(client, email) == {"$mdnsent": True}
        (came,) = octets_of(client, 1)
        header = Header.parse(came)[0]
        assert header.first("Return-Path") == b"<>"
        assert b"u0@one.example" in (header.first("From") or b"")
        assert (header.first("To"), header.first("Subject")) == (b"u1@one.example", b"Read receipt")
        assert header.first("In-Reply-To") == b"<asked@one.example>"
        assert "Disposition-Notification-To" not in header
        found = read(came)
        assert found is not None
        assert (found.text, found.has_original) == ("Shown.\n", False)
        assert found.extension_fields == {"EXTENSION-EXAMPLE": "example.com"}
        assert found.original_message_id == "asked@one.example"
        assert octets_of(client, 0) != [], "what was asked for stays"

    run_with_jmap(test)


def test_subject_text_and_the_message_itself() -> None:
    async def test(client: JmapClient) -> None:
        email = await store(client, ASKED, to="INBOX")
        told = await outcome(client, email, includeOriginalMessage=True, subject=None)
        assert told["subject"] == "Read: World domination"
        assert 'Your message "World domination" to u0@one.example' in told["textBody"]
        assert "includeOriginalMessage" not in told
        (came,) = octets_of(client, 1)
        original = parse(came).children[2]
        assert original.content_type == "message/rfc822"
        assert came[original.body_start : original.end] == ASKED + b"\r\nThe body.\r\n"

    run_with_jmap(test)


@pytest.mark.rfc("8098 §3", "MUST")
def test_all_who_ask_are_told() -> None:
    async def test(client: JmapClient) -> None:
        more = ASKED.replace(
            b"Notification-To: u1@one.example", b"Notification-To: u1@one.example, u2@two.example"
        )
        assert "finalRecipient" in await outcome(client, await store(client, more, to="INBOX"))
        (came,) = octets_of(client, 1)
        assert Header.parse(came)[0].first("To") == b"u1@one.example, u2@two.example"

    run_with_jmap(test)


# --- only once


@pytest.mark.rfc("8098 §2.1", "MUST NOT")
def test_one_for_each_email() -> None:
    async def test(client: JmapClient) -> None:
        email = await store(client, ASKED, to="INBOX")
        record = {"forEmailId": email, "disposition": DISPLAYED}
        said = (await responses(client, {"a": record, "b": record}))[0][1]
        assert list(said["sent"]) == ["a"]
        assert said["notSent"]["b"]["type"] == "mdnAlreadySent"
        assert (await outcome(client, email))["type"] == "mdnAlreadySent"
        assert len(octets_of(client, 1)) == 1

    run_with_jmap(test)


def test_two_requests_at_once_send_one() -> None:
    async def test(client: JmapClient) -> None:
        email = await store(client, ASKED, to="INBOX")
        both = await asyncio.gather(outcome(client, email), outcome(client, email))
        assert sorted(one.get("type", "") for one in both) == ["", "mdnAlreadySent"]
        assert len(octets_of(client, 1)) == 1

    run_with_jmap(test)


def test_what_imap_has_marked_was_sent() -> None:
    async def test(client: JmapClient) -> None:
        email = await store(client, ASKED, to="INBOX")
        await client.call("Email/set", update={email: MARK})
        assert (await outcome(client, email))["type"] == "mdnAlreadySent"

    run_with_jmap(test)


@pytest.mark.replaces_functions
@pytest.mark.parametrize(
    ("why", "error"),
    [
        (NotSubmitted("serverFail", "later"), {"type": "serverFail", "description": "later"}),
        (NotSubmitted("tooLarge", max_size=9), {"type": "tooLarge", "maxSize": 9}),
        (NotSubmitted("overQuota", "full"), {"type": "overQuota", "description": "full"}),
        (NotSubmitted("rateLimit", "slow"), {"type": "rateLimit", "description": "slow"}),
        (NotSubmitted("forbiddenFrom", "no"), {"type": "forbiddenFrom", "description": "no"}),
        (NotSubmitted("forbiddenToSend", "no"), {"type": "forbidden", "description": "no"}),
    ],
)
def test_what_could_not_be_sent_may_be_tried_again(
    monkeypatch: pytest.MonkeyPatch, why: NotSubmitted, error: dict[str, Any]
) -> None:
    async def test(client: JmapClient) -> None:
        email = await store(client, ASKED, to="INBOX")

        async def fail(*_: Any) -> NotSubmitted:
            assert await keywords(client, email) == {"$mdnsent": True}, "set before it is sent"
            return why

        with monkeypatch.context() as patched:
            patched.setattr(notifying, "send", fail)
            ((_, said),) = await responses(client, {"k": {"forEmailId": email, "disposition": DISPLAYED}})
        assert said["notSent"] == {"k": error}
        assert await keywords(client, email) == {}
        assert "finalRecipient" in await outcome(client, email)

    run_with_jmap(test)


@pytest.mark.replaces_functions
def test_where_the_database_fails_the_others_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(client: JmapClient) -> None:
        first, second = [await store(client, ASKED, to="INBOX") for _ in range(2)]
        send = notifying.send

        async def fail(*arguments: Any) -> Any:
            monkeypatch.setattr(notifying, "send", send)
            raise DatabaseUnavailable("gone")

        monkeypatch.setattr(notifying, "send", fail)
        records = {
            key: {"forEmailId": one, "disposition": DISPLAYED} for key, one in (("a", first), ("b", second))
        }
        said = (await responses(client, records))[0][1]
        assert list(said["sent"]) == ["b"]
        assert said["notSent"]["a"]["type"] == "serverFail"

    run_with_jmap(test)


# --- errors of the call


@pytest.mark.rfc("9007 §2.1", "MUST")
@pytest.mark.parametrize(
    "patches",
    [
        None,
        {},
        {"#other": MARK},
        {"#k": {"keywords/$seen": True}},
        {"#k": {"keywords/$mdnsent": None}},
        {"#k": {"keywords/$MDNSent": True}},
        {"#k": {"keywords": {"$seen": True}}},
        {"k": MARK},
    ],
)
def test_it_must_result_in_the_keyword(patches: Any) -> None:
    async def test(client: JmapClient) -> None:
        email = await store(client, ASKED, to="INBOX")
        record = {"forEmailId": email, "disposition": DISPLAYED}
        ((name, said),) = await responses(client, {"k": record}, onSuccessUpdateEmail=patches)
        assert (name, said["type"]) == ("error", "invalidArguments")
        assert octets_of(client, 1) == []

    run_with_jmap(test)


def test_the_keyword_among_others_and_more_of_the_email() -> None:
    async def test(client: JmapClient) -> None:
        email = await store(client, ASKED, to="INBOX")
        record = {"forEmailId": email, "disposition": DISPLAYED}
        patch = {"keywords": {"$mdnsent": True, "$seen": True}}
        await responses(client, {"k": record}, onSuccessUpdateEmail={"#k": patch})
        assert await keywords(client, email) == {"$mdnsent": True, "$seen": True}

    run_with_jmap(test)


@pytest.mark.rfc("9007 §2.1", "MUST")
def test_who_may_call_it() -> None:
    async def test(client: JmapClient) -> None:
        ((name, said),) = await responses(client, {}, using=(CORE, MDN, SUBMISSION), identityId="I1")
        assert (name, said["type"]) == ("error", "unknownMethod")
        ((name, said),) = await responses(client, {}, using=(CORE, MAIL), identityId="I1")
        assert (name, said["type"]) == ("error", "unknownMethod")
        ((name, said),) = await responses(client, {}, identityId="I99")
        assert (name, said["type"]) == ("error", "invalidArguments")
        ((name, said),) = await responses(client, {}, using=(CORE, MAIL, MDN, SUBMISSION))
        assert (name, said["sent"], said["notSent"]) == ("MDN/send", None, None)

    run_with_jmap(test)


def test_too_many_at_once() -> None:
    async def test(client: JmapClient) -> None:
        ((name, said),) = await responses(client, {"a": {}, "b": {}})
        assert (name, said["type"]) == ("error", "requestTooLarge")

    run_with_jmap(test, limits=Limits(max_objects_in_set=1))


# --- errors of one


@pytest.mark.parametrize(
    ("properties", "wrong"),
    [
        ({"forEmailId": None}, ["forEmailId"]),
        ({"disposition": {**DISPLAYED, "type": "Displayed"}}, ["disposition"]),
        ({"disposition": {"type": "displayed"}}, ["disposition"]),
        ({"subject": "a\nb", "reportingUA": "a\rb"}, ["subject", "reportingUA"]),
        ({"error": ["x"], "originalMessageId": "<a@b>"}, ["error", "originalMessageId"]),
        ({"extension": {"X": "y"}}, ["extension"]),
        ({"extensionFields": {"a b": "c"}}, ["extensionFields"]),
        ({"extensionFields": {"Disposition": "c"}}, ["extensionFields"]),
        ({"extensionFields": {f"X-{number}": "" for number in range(99)}}, ["extensionFields"]),
        ({"subject": "x" * 1_500, "extensionFields": {":": "c"}}, ["extensionFields"]),
        ({"finalRecipient": "rfc822; nobody"}, ["finalRecipient"]),
        ({"finalRecipient": "x400; u0@one.example"}, ["finalRecipient"]),
        ({"forEmailId": "#never"}, ["forEmailId"]),
    ],
)
def test_what_is_wrong_with_it(properties: dict[str, Any], wrong: list[str]) -> None:
    async def test(client: JmapClient) -> None:
        email = await store(client, ASKED, to="INBOX")
        error = await outcome(client, email, **properties)
        assert error["type"] == "invalidProperties"
        assert error["properties"] == wrong
        assert await keywords(client, email) == {}

    run_with_jmap(test)


@pytest.mark.parametrize(
    ("header", "properties", "error"),
    [
        (b"From: u1@one.example\r\n", {}, "notFound"),
        (ASKED.replace(b"To: u1@one.example\r\n", b"To: nobody\r\n"), {}, "notFound"),
        (ASKED.replace(b"Notification-To: u1@", b"Notification-To: unknown@"), {}, "notFound"),
        (ASKED.replace(b"<u1@one.example>", b"<>"), {}, "forbidden"),
        (ASKED + b"Content-Type: multipart/report; boundary=b\r\n", {}, "forbidden"),
        (ASKED + b"Auto-Submitted: auto-generated\r\n", {"disposition": AUTOMATIC}, "forbidden"),
        (ASKED, {"finalRecipient": "rfc822; u1@one.example"}, "forbiddenFrom"),
    ],
)
def test_what_may_not_be_sent(header: bytes, properties: dict[str, Any], error: str) -> None:
    async def test(client: JmapClient) -> None:
        email = await store(client, header, to="INBOX")
        assert (await outcome(client, email, **properties))["type"] == error
        assert await keywords(client, email) == {}
        assert octets_of(client, 1) == []

    run_with_jmap(test)


def test_there_is_no_such_email() -> None:
    async def test(client: JmapClient) -> None:
        assert (await outcome(client, "M99"))["type"] == "notFound"

    run_with_jmap(test)


@pytest.mark.rfc("9007 §5", "SHOULD")
@pytest.mark.parametrize("final", ["rfc822; u0+news@one.example", "u0+news@one.example"])
def test_a_final_recipient_of_ones_own(final: str) -> None:
    async def test(client: JmapClient) -> None:
        told = await outcome(client, await store(client, ASKED, to="INBOX"), finalRecipient=final)
        assert "finalRecipient" not in told
        found = read(octets_of(client, 1)[0])
        assert found is not None
        assert found.final_recipient == "rfc822; u0+news@one.example"

    run_with_jmap(test)


@pytest.mark.parametrize(
    ("to", "sender"),
    [
        (b"sales@one.example", "sales@one.example"),
        (b"x@two.example, a@One.Example", "a@one.example"),
        (b"x@two.example", "u0@one.example"),
    ],
)
def test_an_identity_for_a_whole_domain(to: bytes, sender: str) -> None:
    async def test(client: JmapClient) -> None:
        write = client.provider.world.database.write
        await write(accounts.add_address, client.account.id, "@one.example")
        _, said = await client.call("Identity/get")
        (identity,) = [one["id"] for one in said["list"] if one["email"] == "*@one.example"]
        email = await store(client, ASKED.replace(b"\r\nTo: u0@one.example", b"\r\nTo: " + to), to="INBOX")
        record = {"forEmailId": email, "disposition": DISPLAYED}
        said = (await responses(client, {"k": record}, identityId=identity))[0][1]
        assert said["sent"]["k"]["finalRecipient"] == f"rfc822; {sender}"
        assert sender.encode() in (Header.parse(octets_of(client, 1)[0])[0].first("From") or b"")

    run_with_jmap(test)


def test_what_is_our_mistake_after_one_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(client: JmapClient) -> None:
        first, second = [await store(client, ASKED, to="INBOX") for _ in range(2)]
        prepare, seen = composing.prepare, list[str]()

        async def fail(*arguments: Any) -> Any:
            seen.append("")
            if len(seen) > 1:
                raise RuntimeError("a mistake")
            return await prepare(*arguments)

        monkeypatch.setattr(composing, "prepare", fail)
        records = {
            key: {"forEmailId": one, "disposition": DISPLAYED} for key, one in (("a", first), ("b", second))
        }
        ((name, said),) = await responses(client, records)
        assert (name, said["type"]) == ("error", "serverPartialFail")

    run_with_jmap(test)


def test_what_is_sent_automatically_says_so() -> None:
    async def test(client: JmapClient) -> None:
        email = await store(client, ASKED + b"Original-Recipient: rfc822;info@one.example\r\n", to="INBOX")
        told = await outcome(client, email, disposition=AUTOMATIC)
        assert told["originalRecipient"] == "rfc822; info@one.example"
        (came,) = octets_of(client, 1)
        assert Header.parse(came)[0].first("Auto-Submitted") == b"auto-replied"

    run_with_jmap(test)
