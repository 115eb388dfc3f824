"""ContactCard/copy (RFC 9610 §3.6). Nobody has two accounts yet: here one is given to them."""

from typing import Any

import pytest

from tests.kit.contacts import PNG
from tests.kit.jmap.blobs import whole
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.contacts import OWN, called, card, create, failed, full_name, state
from tests.unit.server.jmap.contacts.test_media import PNG_ID, data
from tests.unit.server.jmap.emails.test_copying import shared

pytestmark = pytest.mark.replaces_functions


async def copy(client: JmapClient, origin: JmapClient, **arguments: Any) -> Any:
    return await called(client, "ContactCard/copy", fromAccountId=origin.account_id, **arguments)


@pytest.mark.rfc("8620 §5.4", "MUST")
def test_a_card_is_copied_with_its_photo_and_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(client: JmapClient) -> None:
        other = await shared(client, monkeypatch)
        photo = {"kind": "photo", "uri": data(PNG)}
        original = await create(other, uid="one", name=full_name("Joe"), media={"m": photo}, language="en")
        key = original["id"]
        before = await state(client)
        said = await copy(
            client, other,
            create={
                "a": {"id": key, "addressBookIds": OWN, "name": full_name("Jo"), "language": None},
                "b": {"id": key, "addressBookIds": OWN},
                "c": {"id": "C99", "addressBookIds": OWN},
                "d": {"id": key},
                "e": {"addressBookIds": OWN},
                "f": {"id": key, "addressBookIds": {"D7": True}, "uid": "two"},
            },
        )  # fmt: skip
        assert (said["oldState"], said["newState"]) == (before, await state(client))
        made = said["created"]["a"]["id"]
        assert {name: one["type"] for name, one in said["notCreated"].items()} == {
            "b": "alreadyExists", "c": "notFound", "d": "invalidProperties", "e": "invalidProperties",
            "f": "invalidProperties",
        }  # fmt: skip
        assert said["notCreated"]["b"]["existingId"] == made
        found = await card(client, made)
        assert (found["uid"], found["name"], "language" in found) == ("one", {"full": "Jo"}, False)
        assert found["media"]["m"]["blobId"] == PNG_ID
        await called(other, "ContactCard/set", destroy=[key])
        assert await whole(client, PNG_ID) == PNG

    run_with_jmap(test)


@pytest.mark.rfc("8620 §5.4", "MUST")
def test_originals_are_destroyed_where_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(client: JmapClient) -> None:
        other = await shared(client, monkeypatch)
        key = (await create(other, uid="one"))["id"]
        call = {
            "accountId": client.account_id, "fromAccountId": other.account_id, "onSuccessDestroyOriginal": True,
            "create": {"a": {"id": key, "addressBookIds": OWN}, "b": {"id": "C9", "addressBookIds": OWN}},
        }  # fmt: skip
        said = await client.request(["ContactCard/copy", call, "0"])
        (name, _, _), (implied, answer, _) = said["methodResponses"]
        assert (name, implied) == ("ContactCard/copy", "ContactCard/set")
        assert answer["destroyed"] == [key]

    run_with_jmap(test)


def test_what_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(client: JmapClient) -> None:
        create = {"a": {"id": "C1", "addressBookIds": OWN}}
        own = {"fromAccountId": client.account_id, "create": create}
        assert await failed(client, "ContactCard/copy", **own) == "invalidArguments"
        strange = {"fromAccountId": "A99", "create": create}
        assert await failed(client, "ContactCard/copy", **strange) == "fromAccountNotFound"
        other = await shared(client, monkeypatch, read_only=True)
        theirs = {"fromAccountId": other.account_id, "create": create}
        assert await failed(client, "ContactCard/copy", **theirs, ifFromInState="9") == "stateMismatch"
        assert await failed(client, "ContactCard/copy", **theirs, ifInState="9") == "stateMismatch"
        said = await failed(client, "ContactCard/copy", **theirs, onSuccessDestroyOriginal=True)
        assert said == "accountReadOnly"
        many = {f"c{number}": create["a"] for number in range(501)}
        said = await failed(client, "ContactCard/copy", fromAccountId=other.account_id, create=many)
        assert said == "requestTooLarge"

    run_with_jmap(test)
