"""The session, and the table of capabilities behind it (RFC 8620 §2, RFC 8621 §1.3)."""

import json
from typing import Any

import pytest

from pillarbox.protocol.jmap import session_object
from pillarbox.protocol.jmap.capabilities import (
    CAPABILITIES,
    CAPABILITY_OF,
    CORE,
    MAIL,
    SUBMISSION,
    VACATION_RESPONSE,
    Facts,
    writes,
)
from pillarbox.protocol.jmap.limits import DEFAULT_LIMITS, Limits
from pillarbox.protocol.jmap.session_object import Access, SessionObject

ALL = tuple(CAPABILITIES.values())
FACTS = Facts(limits=DEFAULT_LIMITS, message_octets=50_000_000)
OWN = Access(
    id="A1", name="ann@one.example", capabilities=tuple(row.urn for row in ALL if row.account is not None)
)
SHARED = Access(id="A2", name="Desk", is_personal=False, is_read_only=True, capabilities=(MAIL,))


def build(*accesses: Access, username: str = "ann@one.example", facts: Facts = FACTS) -> SessionObject:
    return session_object.build(username, accesses, "https://mail.example", facts, ALL)


def members(*accesses: Access) -> Any:
    return json.loads(build(*accesses).octets)


@pytest.mark.rfc("8620 §2", "MUST")
def test_what_clients_learn() -> None:
    session = members(OWN, SHARED)
    assert session.keys() == {
        "capabilities", "accounts", "primaryAccounts", "username", "apiUrl", "downloadUrl", "uploadUrl",
        "eventSourceUrl", "state",
    }  # fmt: skip
    core = session["capabilities"][CORE]
    assert core.keys() == {
        "maxSizeUpload", "maxConcurrentUpload", "maxSizeRequest", "maxConcurrentRequests", "maxCallsInRequest",
        "maxObjectsInGet", "maxObjectsInSet", "collationAlgorithms",
    }  # fmt: skip
    # the minimum that §2 suggests for each
    assert core["maxSizeUpload"] >= 50_000_000
    assert core["maxSizeRequest"] >= 10_000_000
    assert core["maxConcurrentUpload"] >= 4
    assert core["maxConcurrentRequests"] >= 4
    assert core["maxCallsInRequest"] >= 16
    assert core["maxObjectsInGet"] >= 500
    assert core["maxObjectsInSet"] >= 500
    for urn in (MAIL, SUBMISSION, VACATION_RESPONSE):
        assert session["capabilities"][urn] == {}
    for url, variables in (
        ("downloadUrl", "accountId blobId type name"),
        ("uploadUrl", "accountId"),
        ("eventSourceUrl", "types closeafter ping"),
    ):
        assert session[url].startswith("https://mail.example/")
        assert all("{" + variable + "}" in session[url] for variable in variables.split())


@pytest.mark.rfc("8620 §1.6.2", "MUST")
def test_accounts() -> None:
    session = members(SHARED, OWN)
    assert session["accounts"]["A2"]["accountCapabilities"].keys() == {MAIL}
    assert session["accounts"]["A2"]["isReadOnly"]
    assert session["accounts"]["A1"]["name"] == "ann@one.example"
    assert session["primaryAccounts"] == dict.fromkeys(OWN.capabilities, "A1")
    assert CORE not in session["primaryAccounts"]


@pytest.mark.rfc("8621 §1.3.1", "MUST")
def test_the_mail_capability() -> None:
    mail = members(OWN)["accounts"]["A1"]["accountCapabilities"][MAIL]
    assert mail.keys() == {
        "maxMailboxesPerEmail", "maxMailboxDepth", "maxSizeMailboxName", "maxSizeAttachmentsPerEmail",
        "emailQuerySortOptions", "mayCreateTopLevelMailbox",
    }  # fmt: skip
    assert mail["maxSizeMailboxName"] >= 100
    assert "receivedAt" in mail["emailQuerySortOptions"]


@pytest.mark.rfc("8621 §1.3.2", "MUST")
def test_the_submission_capability() -> None:
    submission = members(OWN)["accounts"]["A1"]["accountCapabilities"][SUBMISSION]
    assert submission.keys() == {"maxDelayedSend", "submissionExtensions"}


@pytest.mark.rfc("8620 §2", "MUST")
def test_the_state_is_that_of_the_content() -> None:
    state = build(OWN).state
    assert state == build(OWN).state == members(OWN)["state"]
    others = (
        build(OWN, SHARED),
        build(OWN, username="x"),
        build(OWN, facts=Facts(limits=Limits(max_objects_in_get=7), message_octets=50_000_000)),
        session_object.build("ann@one.example", (OWN,), "https://other.example", FACTS, ALL),
    )
    assert len({state, *(other.state for other in others)}) == 5


def test_each_method_has_one_capability() -> None:
    assert len(CAPABILITY_OF) == sum(len(row.methods) for row in CAPABILITIES.values())
    assert {method for method in CAPABILITY_OF if writes(method)} == {
        "Mailbox/set", "Email/set", "Email/copy", "Email/import", "Identity/set", "EmailSubmission/set",
        "VacationResponse/set", "Blob/copy", "Blob/upload", "MDN/send", "Email/undo", "SavedSearch/set",
        "PushSubscription/set", "AddressBook/set", "ContactCard/set", "ContactCard/copy", "ContactCard/export",
    }  # fmt: skip
