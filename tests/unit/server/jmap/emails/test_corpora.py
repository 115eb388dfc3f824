"""Real, malformed and legacy messages through the methods: nothing fails, whatever they hold."""

from itertools import islice
from typing import Any

import pytest

from pillarbox.mail import mbox
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.protocol.jmap.types.email import BODY_PART, EMAIL
from tests.kit.corpora import mailing_list, needs_corpora, single_messages
from tests.kit.jmap import blobs
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.emails import box, called, delivered, get

EVERYTHING = [*EMAIL.properties, "header:From", "header:Subject:asText:all", "header:Received:asRaw:all"]
WIDE = Limits(max_objects_in_get=5_000, max_response_octets=2**30)
TOGETHER = 40
REFUSED = {"invalidProperties", "blobNotFound", "tooLarge"}


async def _all(client: JmapClient) -> list[str]:
    return [await delivered(client, octets) for _, octets in single_messages()]


async def _some_of_a_list(client: JmapClient) -> list[str]:
    entries = [entry for entry in islice(mailing_list(), 400) if isinstance(entry, mbox.Entry)]
    return [await delivered(client, entry.message) for entry in entries]


@needs_corpora
@pytest.mark.parametrize("source", [_all, _some_of_a_list])
def test_everything_of_every_message(source: Any) -> None:
    async def test(client: JmapClient) -> None:
        emails = await source(client)
        rows = {email["id"]: email for email in await get(client, *emails)}
        assert [*rows] == emails
        for at in range(0, len(emails), TOGETHER):
            found = await get(
                client,
                *emails[at : at + TOGETHER],
                properties=EVERYTHING,
                bodyProperties=[*BODY_PART.properties],
                fetchAllBodyValues=True,
                maxBodyValueBytes=500,
            )
            assert [email["id"] for email in found] == emails[at : at + TOGETHER]
            for email in found:
                assert {*email} == {*EVERYTHING}
                same = [name for name in rows[email["id"]] if name not in ("bodyValues", *PARTS)]
                assert {name: email[name] for name in same} == {
                    name: rows[email["id"]][name] for name in same
                }
        assert not client.provider.telemetry.failures
        assert client.provider.world.memory.used_octets == 0

    run_with_jmap(test, limits=WIDE)


NO_HEADER = {"mime4j/testmsgs/malformedHeaderStartsBody-noheader.msg"}
"""It begins with its body: no message to be parsed (RFC 8621 §4.9), but kept as it came. Another file has the same
octets."""
METADATA = {"id", "threadId", "mailboxIds", "keywords", "receivedAt"}


@needs_corpora
def test_parse_says_the_same_as_get() -> None:
    async def test(client: JmapClient) -> None:
        emails, refused = await _all(client), list[str]()
        asked: dict[str, Any] = {
            "properties": [name for name in EVERYTHING if name not in METADATA],
            "bodyProperties": [*BODY_PART.properties],
            "fetchAllBodyValues": True,
        }
        for at in range(0, len(emails), TOGETHER):
            found = await get(client, *emails[at : at + TOGETHER], **asked)
            parsed = await called(client, "Email/parse", blobIds=[one["blobId"] for one in found], **asked)
            refused += parsed["notParsable"] or []
            for email in found:
                del email["id"]
                if email["blobId"] not in refused:
                    assert parsed["parsed"][email["blobId"]] == email
        names = {blobs.id_of(octets): name for name, octets in single_messages()}
        assert {names[refusal] for refusal in refused} == NO_HEADER

    run_with_jmap(test, limits=WIDE)


PARTS = ("textBody", "htmlBody", "attachments")


def _as_new(email: dict[str, Any], where: str) -> dict[str, Any]:
    """What a client that knows no better sends back."""
    decided = ("id", "blobId", "threadId", "size", "hasAttachment", "preview")
    given = {name: value for name, value in email.items() if name not in decided}
    return {**given, "mailboxIds": {where: True}}


def _its_header(email: dict[str, Any], where: str) -> dict[str, Any]:
    """What a client sends that makes a draft of it."""
    given = {name: value for name, value in _as_new(email, where).items() if name not in PARTS}
    return {**given, "bodyValues": {}}


@needs_corpora
@pytest.mark.parametrize("made_of", [_as_new, _its_header])
def test_pitfall_11_what_was_got_is_created_or_all_that_is_wrong_is_named(made_of: Any) -> None:
    async def test(client: JmapClient) -> None:
        emails, where = await _all(client), box(client, "Drafts")
        made = 0
        for at in range(0, len(emails), TOGETHER):
            some = await get(client, *emails[at : at + TOGETHER], fetchAllBodyValues=True)
            create = {email["id"]: made_of(email, where) for email in some}
            said = await called(client, "Email/set", create=create)
            created, refused = said["created"] or {}, said["notCreated"] or {}
            assert created.keys() | refused.keys() == create.keys()
            for key, error in refused.items():
                assert error["type"] in REFUSED, (key, error)
                assert error["type"] != "invalidProperties" or error["properties"]
            for key, told in created.items():
                (again,) = await get(client, told["id"])
                assert all(again[name] for name in ("subject", "messageId", "to") if create[key][name]), key
            made += len(created)
        assert made > len(emails) // 2 or made_of is _as_new
        assert not client.provider.telemetry.failures

    run_with_jmap(test, limits=WIDE)


@needs_corpora
def test_parts_that_were_got_are_attached() -> None:
    """The other way of a forward: all parts by their blobs, whatever is said of them."""

    async def test(client: JmapClient) -> None:
        emails, where = await _all(client), box(client, "Drafts")
        names = ("blobId", "type", "name", "charset", "disposition", "cid", "size")
        for at in range(0, len(emails), TOGETHER):
            create = {}
            for email in await get(
                client, *emails[at : at + TOGETHER], properties=["attachments", "textBody"]
            ):
                parts = [
                    {name: part[name] for name in names if part[name] is not None}
                    for part in [*email["attachments"], *email["textBody"]]
                ]
                create[email["id"]] = {"mailboxIds": {where: True}, "attachments": parts}
            said = await called(client, "Email/set", create=create)
            for key, error in (said["notCreated"] or {}).items():
                assert error["type"] in REFUSED, (key, error)
        assert not client.provider.telemetry.failures

    run_with_jmap(test, limits=WIDE)


@needs_corpora
def test_every_message_is_imported() -> None:
    async def test(client: JmapClient) -> None:
        emails, where = await _all(client), box(client, "Archive")
        for at in range(0, len(emails), TOGETHER):
            some = await get(client, *emails[at : at + TOGETHER], properties=["blobId", "size"])
            wanted = {one["id"]: {"blobId": one["blobId"], "mailboxIds": {where: True}} for one in some}
            said = await called(client, "Email/import", emails=wanted)
            assert {error["type"] for error in (said["notCreated"] or {}).values()} <= {"invalidEmail"}
            for one in some:
                if told := (said["created"] or {}).get(one["id"]):
                    assert told["size"] == one["size"] or told["blobId"] != one["blobId"]
        assert not client.provider.telemetry.failures

    run_with_jmap(test, limits=WIDE)
