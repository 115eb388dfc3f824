"""A login with an app password that may only read: the account is read-only (RFC 8620 §2)."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from pillarbox.protocol.jmap.capabilities import CAPABILITY_OF, writes
from pillarbox.protocol.jmap.problems import Problem
from pillarbox.server.jmap.methods import HANDLERS
from tests.kit.jmap.client import ALL, BASE_URL, JmapClient, run_with_jmap

CHANGING = sorted(method for method in HANDLERS if writes(method))
NO_ACCOUNT = {"Core/echo", "PushSubscription/get", "PushSubscription/set"}


async def read_only(client: JmapClient, method: str, **arguments: Any) -> tuple[str, Any]:
    request = {"using": ALL, "methodCalls": [[method, arguments, "c"]]}
    octets = json.dumps(request).encode()
    answer = await client.service.call(
        client.account, octets, BASE_URL, credential=client.credential, read_only=True
    )
    ((name, said, _),) = json.loads(answer.octets)["methodResponses"]
    return name, said


def test_the_session_says_so_to_this_login_only() -> None:
    async def test(client: JmapClient) -> None:
        async def told(**login: bool) -> tuple[bool, str]:
            found = json.loads((await client.service.session(client.account, BASE_URL, **login)).octets)
            return found["accounts"][client.account_id]["isReadOnly"], found["state"]

        (limited, its_state), (own, own_state) = await told(read_only=True), await told()
        assert (limited, own) == (True, False)
        assert its_state != own_state

    run_with_jmap(test)


@pytest.mark.rfc("8620 §3.6.2", "MUST")
@pytest.mark.parametrize("method", [method for method in CHANGING if method not in NO_ACCOUNT])
def test_what_changes_something_is_refused(method: str) -> None:
    async def test(client: JmapClient) -> None:
        # Blob/copy is of the core, and looks at its accounts itself
        more = {"blobIds": [], "fromAccountId": client.account_id} if method == "Blob/copy" else {}
        name, said = await read_only(client, method, accountId=client.account_id, **more)
        assert (name, said["type"]) == ("error", "accountReadOnly")

    run_with_jmap(test)


def test_what_is_of_no_account_may_be_changed() -> None:
    """Who may read may be told that there is something to read."""
    assert {method for method in HANDLERS if CAPABILITY_OF[method].account is None} - {
        "Blob/copy"
    } == NO_ACCOUNT

    async def test(client: JmapClient) -> None:
        new = {"deviceClientId": "d", "url": "https://push.example/1"}
        name, said = await read_only(client, "PushSubscription/set", create={"a": new})
        assert name == "PushSubscription/set"
        assert said["created"]["a"]["id"]

    run_with_jmap(test)


def test_records_have_no_rights_but_to_be_read() -> None:
    async def test(client: JmapClient) -> None:
        for method in ("Mailbox/get", "AddressBook/get"):
            _, said = await read_only(client, method, accountId=client.account_id)
            for record in said["list"]:
                rights = {name for name, may in record["myRights"].items() if may}
                assert rights == {"mayReadItems" if method == "Mailbox/get" else "mayRead"}
            _, own = await client.call(method)
            assert sum(map(sum, (one["myRights"].values() for one in own["list"]))) > len(own["list"])
            assert [one["id"] for one in own["list"]] == [one["id"] for one in said["list"]]
            assert said["state"] == own["state"]
        _, made = await client.call(
            "Identity/set", create={"i": {"email": client.account.address, "name": "A"}}
        )
        key = made["created"]["i"]["id"]
        for asking, may in (
            (read_only(client, "Identity/get", accountId=client.account_id, ids=[key]), False),
            (client.call("Identity/get", ids=[key]), True),
        ):
            _, said = await asking
            assert [one["mayDelete"] for one in said["list"]] == [may]

    run_with_jmap(test)


def test_nothing_is_uploaded() -> None:
    async def test(client: JmapClient) -> None:
        taken = []

        async def pieces() -> AsyncIterator[bytes]:
            taken.append(1)
            yield b"octets"

        made = await client.uploads.upload(client.account, client.account_id, None, pieces(), read_only=True)
        assert isinstance(made, Problem)
        assert not taken
        assert (made.status, made.detail) == (403, "This app password is read-only.")

    run_with_jmap(test)
