"""The tables of the data types: RFC 8621."""

from typing import Any

import pytest

from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.limits import DEFAULT_LIMITS
from pillarbox.protocol.jmap.property_table import TypeTable
from pillarbox.protocol.jmap.scalars import fits
from pillarbox.protocol.jmap.types.email import BODY_PART, EMAIL, PARSE_PROPERTIES, Keyword
from pillarbox.protocol.jmap.types.email_submission import EMAIL_SUBMISSION
from pillarbox.protocol.jmap.types.identity import IDENTITY
from pillarbox.protocol.jmap.types.mailbox import MAILBOX
from pillarbox.protocol.jmap.types.search_snippet import SEARCH_SNIPPET
from pillarbox.protocol.jmap.types.thread import THREAD
from pillarbox.protocol.jmap.types.vacation_response import VACATION_RESPONSE


def wrong(found: dict[str, Any] | SetError) -> list[str]:
    return sorted(found.extra["properties"]) if isinstance(found, SetError) else []


def update(table: TypeTable, current: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any] | SetError:
    return table.update(lambda names: {name: current[name] for name in names}, patch, DEFAULT_LIMITS)


@pytest.mark.rfc("8621 §4.2", "MUST")
def test_what_is_returned_of_an_email() -> None:
    assert (
        " ".join(EMAIL.by_default)
        == "id blobId threadId mailboxIds keywords size receivedAt messageId inReplyTo references sender from to cc"
        " bcc replyTo subject sentAt hasAttachment preview bodyValues textBody htmlBody attachments"
    )
    assert EMAIL.properties.keys() - set(EMAIL.by_default) == {"headers", "bodyStructure"}
    assert (
        " ".join(BODY_PART.by_default)
        == "partId blobId size name type charset disposition cid language location"
    )
    assert PARSE_PROPERTIES[0] == "messageId"
    assert PARSE_PROPERTIES[-1] == "attachments"
    assert len(PARSE_PROPERTIES) == 17


def test_what_is_returned_of_others() -> None:
    assert (
        " ".join(MAILBOX.by_default)
        == "id name parentId role sortOrder totalEmails unreadEmails totalThreads unreadThreads myRights isSubscribed"
    )
    assert THREAD.by_default == ("id", "emailIds")
    assert " ".join(IDENTITY.by_default) == "id name email replyTo bcc textSignature htmlSignature mayDelete"
    assert (
        " ".join(EMAIL_SUBMISSION.by_default)
        == "id identityId emailId threadId envelope sendAt undoStatus deliveryStatus dsnBlobIds mdnBlobIds"
    )
    assert " ".join(VACATION_RESPONSE.by_default) == "id isEnabled fromDate toDate subject textBody htmlBody"
    assert SEARCH_SNIPPET.by_default == ("emailId", "subject", "preview")


@pytest.mark.rfc("8621 §4.1.1", "MUST NOT")
def test_keywords() -> None:
    for character in map(chr, range(0x100)):
        valid = "\x21" <= character <= "\x7e" and character not in '(){]%*"\\'
        assert fits(character, Keyword) is valid, character
    assert fits("k" * 255, Keyword)
    assert not fits("k" * 256, Keyword)
    assert not fits("", Keyword)


@pytest.mark.rfc("8621 §4.1.1", "MUST")
def test_updates_of_an_email() -> None:
    current = {"keywords": {"$seen": True}, "mailboxIds": {"F1": True}, "subject": "Hi", "size": 5}
    assert update(EMAIL, current, {"keywords/$seen": None, "mailboxIds/F2": True}) == {
        "keywords": {},
        "mailboxIds": {"F1": True, "F2": True},
    }
    assert update(EMAIL, current, {"keywords/2026": True, "subject": "Hi", "size": 5}) == {
        "keywords": {"$seen": True, "2026": True}
    }
    assert wrong(update(EMAIL, current, {"keywords/$seen": "true"})) == ["keywords"]
    assert wrong(update(EMAIL, current, {"keywords/a b": True, "subject": "Ho"})) == ["keywords", "subject"]
    assert wrong(update(EMAIL, current, {"mailboxIds": None})) == ["mailboxIds"]


@pytest.mark.rfc("8621 §4.6", "SHOULD")
def test_what_get_gave_and_set_does_not_take() -> None:
    record = dict.fromkeys(EMAIL.by_default)
    found = wrong(
        EMAIL.create(
            {**record, "mailboxIds": {"F1": True}, "keywords": {}, "receivedAt": "2026-01-01T00:00:00Z"}
        )
    )
    assert found == ["blobId", "hasAttachment", "id", "preview", "size", "threadId"]
    assert wrong(EMAIL.create({"mailboxIds": {"F1": True}, "headers": []})) == ["headers"]
    assert wrong(BODY_PART.create({"partId": "1", "headers": []})) == ["headers"]
    assert wrong(EMAIL.create({"from": [{"email": "a@b.example", "fullName": "A"}]})) == [
        "from",
        "mailboxIds",
    ]


def test_a_new_mailbox() -> None:
    assert MAILBOX.create({"name": "x"}) == {
        "name": "x",
        "parentId": None,
        "role": None,
        "sortOrder": 0,
        "isSubscribed": True,
    }
    for name, value in (("name", ""), ("name", None), ("sortOrder", 2**31), ("sortOrder", -1), ("role", 1)):
        assert wrong(MAILBOX.create({"name": "x", name: value})) == [name]


@pytest.mark.rfc("8621 §7", "MUST")
def test_submissions() -> None:
    given = {"identityId": "I1", "emailId": "M1"}
    made = EMAIL_SUBMISSION.create(given)
    assert made == {**given, "envelope": None}
    assert wrong(EMAIL_SUBMISSION.create({**given, "undoStatus": "final", "sendAt": None})) == [
        "sendAt",
        "undoStatus",
    ]
    envelope = {
        "mailFrom": {"email": ""},
        "rcptTo": [{"email": "a@b.example", "parameters": {"NOTIFY": "NEVER", "X": None}}],
    }
    assert not wrong(EMAIL_SUBMISSION.create({**given, "envelope": envelope}))
    assert wrong(EMAIL_SUBMISSION.create({**given, "envelope": {"rcptTo": []}})) == ["envelope"]
    current = {"undoStatus": "pending", "emailId": "M1"}
    assert update(EMAIL_SUBMISSION, current, {"undoStatus": "canceled", "emailId": "M1"}) == {
        "undoStatus": "canceled"
    }
    assert wrong(update(EMAIL_SUBMISSION, current, {"undoStatus": "sent", "emailId": "M2"})) == [
        "emailId",
        "undoStatus",
    ]


def test_vacation_and_identity() -> None:
    current = {"isEnabled": False, "fromDate": None, "email": "a@b.example"}
    patch = {"isEnabled": True, "fromDate": "2026-12-24T00:00:00Z"}
    assert update(VACATION_RESPONSE, current, patch) == patch
    assert wrong(update(VACATION_RESPONSE, current, {"fromDate": "2026-02-30T00:00:00Z"})) == ["fromDate"]
    assert wrong(update(IDENTITY, current, {"email": "x@y.example"})) == ["email"]
    assert wrong(IDENTITY.create({"mayDelete": True})) == ["email", "mayDelete"]
