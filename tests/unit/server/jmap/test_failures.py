"""What a handler raises is the error of its call, and of no other."""

from collections.abc import Callable
from typing import Any

import pytest

from pillarbox.protocol.jmap.errors import MethodError
from pillarbox.server.jmap.context import Context, Named, PartialFail
from pillarbox.store.account_counters import NoSuchAccount
from pillarbox.world.blobs import BlobDamaged
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.memory import MemoryScarce
from tests.kit.jmap.client import JmapClient, run_with_jmap
from tests.kit.jmap.model import ModelMailboxes, failing

SECRET = "the path of a file"


def partly(cause: Exception) -> Exception:
    failure = PartialFail()
    failure.__cause__ = cause
    return failure


@pytest.mark.rfc("8620 §3.6.2", "MUST")
@pytest.mark.parametrize(
    ("raised", "kind", "logged"),
    [
        (lambda: MethodError("forbidden", "not you", {"more": 1}), "forbidden", 0),
        (lambda: DatabaseUnavailable(SECRET), "serverUnavailable", 0),
        (lambda: MemoryScarce(SECRET), "serverUnavailable", 0),
        (lambda: BlobDamaged("x", SECRET), "serverFail", 0),
        (lambda: NoSuchAccount(SECRET), "accountNotFound", 0),
        (lambda: ValueError(SECRET), "serverFail", 1),
        (lambda: RecursionError(SECRET), "serverFail", 1),
        (lambda: partly(ValueError(SECRET)), "serverPartialFail", 1),
        (lambda: partly(DatabaseUnavailable(SECRET)), "serverPartialFail", 0),
    ],
)
def test_errors(raised: Callable[[], Exception], kind: str, logged: int) -> None:
    async def test(client: JmapClient) -> None:
        answer = await client.request(
            ["Core/echo", {}, "0"],
            ["Mailbox/get", {"accountId": client.account_id}, "1"],
            ["Core/echo", {}, "2"],
        )
        names = [(name, call) for name, _, call in answer["methodResponses"]]
        assert names == [("Core/echo", "0"), ("error", "1"), ("Core/echo", "2")]
        said = answer["methodResponses"][1][1]
        assert said["type"] == kind
        assert SECRET not in str(answer)
        failures = [name for name, _ in client.provider.telemetry.failures]
        assert failures == ["JMAP method failed"] * logged
        if kind == "forbidden":
            assert said == {"type": "forbidden", "description": "not you", "more": 1}

    run_with_jmap(test, {"Mailbox/get": failing(raised)})


@pytest.mark.parametrize(
    ("method", "kind"), [("Mailbox/get", "serverFail"), ("Mailbox/set", "serverPartialFail")]
)
def test_a_response_that_is_no_json(method: str, kind: str) -> None:
    async def test(client: JmapClient) -> None:
        assert await client.call(method) == ("error", {"type": kind, "description": "Internal server error"})
        assert len(client.provider.telemetry.failures) == 1
        assert await client.call("Core/echo") == ("Core/echo", {"accountId": client.account_id})

    async def odd(_: Context, __: dict[str, Any]) -> dict[str, Any]:
        return {"list": ["\ud800", object()]}

    run_with_jmap(test, {method: odd})


@pytest.mark.rfc("8620 §3.2", "MUST")
def test_a_call_that_implies_another() -> None:
    async def test(client: JmapClient) -> None:
        name = model.add("Old")
        asked = {"accountId": client.account_id}
        answer = await client.request(
            ["Core/echo", {**asked, "destroy": [name]}, "0"], ["Core/echo", asked, "1"]
        )
        assert [(name, call) for name, _, call in answer["methodResponses"]] == [
            ("Core/echo", "0"),
            ("Mailbox/set", "0"),
            ("Core/echo", "1"),
            ("error", "1"),
        ]
        assert answer["methodResponses"][1][1]["destroyed"] == [name]
        assert answer["methodResponses"][3][1]["type"] == "invalidArguments"

    async def implying(context: Context, arguments: dict[str, Any]) -> list[Named]:
        implied = {**arguments, "more": 1} if "destroy" not in arguments else arguments
        return [("Core/echo", arguments), *await context.implicit("Mailbox/set", implied)]

    model = ModelMailboxes()
    run_with_jmap(test, {**model.handlers(), "Core/echo": implying})
