"""Calls of every method with arguments that are partly right: each gets its response or an error of the protocol, and
nothing that is sent is our mistake."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pillarbox.protocol.jmap.capabilities import CAPABILITY_OF
from pillarbox.protocol.jmap.types import (
    address_book,
    contact_card,
    email,
    email_submission,
    identity,
    mailbox,
    message_trace,
    saved_search,
    vacation_response,
)
from pillarbox.server.jmap.methods import HANDLERS
from tests.kit.jmap import blobs
from tests.kit.jmap.client import JmapClient, open_jmap
from tests.kit.jmap.emails import box, delivered

MAIL = (
    b"From: Ann <ann@elsewhere.example>\r\nTo: u0@one.example\r\nSubject: hello\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\ntext\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n'
    b"Subject: inner\r\n\r\ninner\r\n--b--\r\n"
)
OURS = {"serverFail", "serverPartialFail", "serverUnavailable"}
TABLES = (
    email.EMAIL,
    mailbox.MAILBOX,
    identity.IDENTITY,
    email_submission.EMAIL_SUBMISSION,
    vacation_response.VACATION_RESPONSE,
    saved_search.SAVED_SEARCH,
    message_trace.MESSAGE_TRACE,
    address_book.ADDRESS_BOOK,
)
ARGUMENTS = [
    "ids", "properties", "sinceState", "maxChanges", "filter", "sort", "position", "anchor", "anchorOffset",
    "limit", "calculateTotal", "create", "update", "destroy", "ifInState", "fromAccountId", "ifFromInState",
    "onSuccessDestroyOriginal", "destroyFromIfInState", "blobIds", "emails", "bodyProperties",
    "fetchTextBodyValues", "fetchAllBodyValues", "maxBodyValueBytes", "sinceQueryState", "maxUpToId", "upToId",
    "collapseThreads", "sortAsTree", "filterAsTree", "emailIds", "onSuccessUpdateEmail", "onSuccessDestroyEmail",
    "onDestroyRemoveEmails", "offset", "length", "typeNames", "#ids", "identityId", "send", "onSuccessSetIsDefault",
    "undoable", "undoToken",
    "onDestroyRemoveContents",
]  # fmt: skip
FILTERS = sorted(
    {*email.CONDITIONS, *mailbox.CONDITIONS, *email_submission.CONDITIONS, *contact_card.CONDITIONS}
)
SORTS = sorted({*email.SORTS, *mailbox.SORTS, *email_submission.SORTS, *contact_card.SORTS})
PROPERTIES = sorted({name for table in TABLES for name in table.properties})
NAMES = [
    *PROPERTIES, "header:Subject:asText", "header:To:asAddresses:all", "header:X", "keywords/$seen", "a/b", "",
    "mailboxIds/F1", "partId", "value", "blobId", "type", "email", "name", "subParts", "charset", "mailFrom",
    "rcptTo", "parameters", "data:asText", "data", "digest:sha", "operator", "conditions", "property", "isAscending",
    "keyword", "resultOf", "path", "addressBookIds", "addressBookIds/D1", "uid", "@type", "version", "emails",
    "address", "media", "uri", "kind", "components", "full", "localizations",
]  # fmt: skip


def words(client: JmapClient, emails: list[str]) -> list[Any]:
    """What is right somewhere."""
    found = blobs.id_of(MAIL)
    return [
        *emails, "T1", box(client), box(client, "Drafts"), "A1", "A2", "#a", "#b", found, f"{found}-2", "B00", "I1",
        "Q1", "singleton", "0", "1", "5", "99", "", "$seen", "$x y", "\x00", "ä", "2026-01-01T00:00:00Z",
        "2026-13-01T00:00:00Z", "u0@one.example", "text/plain", "text/html", "1.2", "AND", "OR", "NOT", "final",
        "canceled", "pending", "inbox", "hello", "/ids", "/list/*/id", "Email/query", "Email", "Mailbox", "+1",
        "D1", "C1", "C2", "Card", "1.0", "photo", "data:,x", "group", "ContactCard", {"D1": True},
        *PROPERTIES[:20],
    ]  # fmt: skip


def values(known: list[Any]) -> st.SearchStrategy[Any]:
    """JSON in which names and values are those of the protocol, more often than not."""
    leaves = st.one_of(
        st.sampled_from(known),
        st.none(),
        st.booleans(),
        st.integers(-5, 700),
        st.sampled_from([2**53 - 1, -(2**53), 0.5, 1e300]),
        st.text(st.characters(exclude_categories=("Cs", "Cn")), max_size=5),  # what I-JSON may have
    )
    names = st.one_of(st.sampled_from(NAMES), st.sampled_from(FILTERS), st.sampled_from(SORTS), st.just("a"))
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.dictionaries(names, inner, max_size=4),
            st.dictionaries(
                st.sampled_from([one for one in known if isinstance(one, str)]), inner, max_size=3
            ),
        ),
        max_leaves=12,
    )


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as opened:
        yield opened


@pytest.fixture(scope="module")
def client(runner: asyncio.Runner) -> Iterator[JmapClient]:
    opened = runner.run(open_jmap())
    yield opened
    runner.run(opened.provider.close())
    assert not opened.provider.telemetry.failures


@pytest.fixture(scope="module")
def emails(client: JmapClient, runner: asyncio.Runner) -> list[str]:
    return [runner.run(delivered(client, octets)) for octets in (MAIL, b"Subject: b\r\n\r\nx\r\n", b"")]


@pytest.mark.parametrize("method", sorted(HANDLERS))
def test_every_call_is_answered(
    client: JmapClient, emails: list[str], runner: asyncio.Runner, method: str
) -> None:
    arguments = st.dictionaries(st.sampled_from(ARGUMENTS), values(words(client, emails)), max_size=5)
    written = [method, "Email/query"] if method != "Email/query" else [method]

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(arguments, min_size=1, max_size=2))
    def check(given_arguments: list[dict[str, Any]]) -> None:
        calls = [
            [written[number % len(written)], {"accountId": client.account_id, **some}, f"c{number}"]
            for number, some in enumerate(given_arguments)
        ]
        answer = runner.run(client.request(*calls))
        assert "methodResponses" in answer, answer
        for name, said, _ in answer["methodResponses"]:
            assert name in CAPABILITY_OF or (name == "error" and said["type"] not in OURS), (calls, said)
        assert not client.provider.telemetry.failures, calls

    check()
