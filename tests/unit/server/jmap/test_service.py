"""What holds for every request: limits, state, and that others are served."""

import asyncio
import json
import threading
from typing import Any

import msgspec
import pytest

from pillarbox.directory import accounts
from pillarbox.protocol.jmap.capabilities import (
    CAPABILITIES,
    CAPABILITY_OF,
    CORE,
    SUBMISSION,
    VACATION_RESPONSE,
)
from pillarbox.protocol.jmap.errors import MethodError
from pillarbox.protocol.jmap.limits import LARGE_REQUEST_OCTETS, Limits
from pillarbox.protocol.jmap.references import Results
from pillarbox.protocol.jmap.session_object import Access
from pillarbox.server.jmap.accounts import check
from pillarbox.server.jmap.context import Context
from pillarbox.server.jmap.dispatch import RESOLVED_AT_ONCE_OCTETS
from pillarbox.server.jmap.methods import HANDLERS
from pillarbox.server.jmap.service import Answer
from pillarbox.world.memory import FREE_OCTETS
from tests.kit.jmap.client import BASE_URL, JmapClient, run_with_jmap
from tests.kit.jmap.model import ModelMailboxes
from tests.kit.provider import PEOPLE

ECHO = ["Core/echo", {}, "c"]


def request(*calls: list[Any]) -> bytes:
    return json.dumps({"using": [*CAPABILITIES], "methodCalls": calls}).encode()


def problem(answer: Answer) -> Any:
    assert (answer.status, answer.media_type) == (400, "application/problem+json")
    return json.loads(answer.octets)


@pytest.mark.rfc("8620 §3.4", "MUST")
def test_the_state_of_the_session_is_in_each_response() -> None:
    async def test(client: JmapClient) -> None:
        session = await client.service.session(client.account, BASE_URL)
        answer = await client.request(ECHO)
        assert answer["sessionState"] == session.state == json.loads(session.octets)["state"]
        assert json.loads(session.octets)["username"] == PEOPLE[0]
        assert "createdIds" not in answer

    run_with_jmap(test)


@pytest.mark.rfc("8620 §1.8", "MUST")
def test_the_session_lists_what_there_are_methods_for() -> None:
    async def test(client: JmapClient) -> None:
        said = json.loads((await client.service.session(client.account, BASE_URL)).octets)
        methods = {*HANDLERS, "Identity/get"}
        assert said["capabilities"].keys() == {
            row.urn for row in CAPABILITIES.values() if not row.methods or methods & {*row.methods}
        }
        assert SUBMISSION in said["capabilities"]
        assert VACATION_RESPONSE not in said["capabilities"] or "VacationResponse/get" in HANDLERS
        other = json.loads((await client.service.session(client.account, "https://other.example")).octets)
        assert other["apiUrl"] == "https://other.example/jmap/api/"

    async def nothing(_: Context, arguments: dict[str, Any]) -> dict[str, Any]:
        return arguments

    run_with_jmap(test, {"Identity/get": nothing})


class Held:
    """A handler that waits until it may go on."""

    def __init__(self) -> None:
        self.running = 0
        self.begun = asyncio.Event()
        self.may_end = asyncio.Event()

    async def echo(self, _: Context, arguments: dict[str, Any]) -> dict[str, Any]:
        self.running += 1
        self.begun.set()
        await self.may_end.wait()
        return arguments


@pytest.mark.rfc("8620 §3.6.1", "MUST")
def test_so_many_requests_at_once() -> None:
    async def test(client: JmapClient) -> None:
        tasks = [asyncio.create_task(client.send(request(ECHO))) for _ in range(2)]
        while held.running < 2:
            await asyncio.sleep(0)
        refused = problem(await client.send(request(ECHO)))
        assert refused["limit"] == "maxConcurrentRequests"
        other = await client.provider.world.database.read(accounts.by_login, PEOPLE[1])
        assert other is not None
        tasks.append(asyncio.create_task(client.service.call(other, request(ECHO), BASE_URL)))
        while held.running < 3:
            await asyncio.sleep(0)
        tasks.pop(0).cancel()  # the client has left
        await asyncio.sleep(0)
        held.may_end.set()
        assert [(await task).status for task in tasks] == [200, 200]
        assert (await client.send(request(ECHO))).status == 200

    held = Held()
    run_with_jmap(test, {"Core/echo": held.echo}, limits=Limits(max_concurrent_requests=2))


@pytest.mark.rfc("8620 §3.10", "MUST")
def test_calls_are_made_in_order_and_others_are_served_between_them() -> None:
    async def test(client: JmapClient) -> None:
        async def give_way() -> None:
            made.append("way")

        answer = await client.service.call(
            client.account,
            request(*(["Core/echo", {}, str(n)] for n in range(3))),
            BASE_URL,
            give_way=give_way,
        )
        assert answer.status == 200
        assert made == ["call", "way", "call", "way", "call", "way"]

    async def echo(_: Context, arguments: dict[str, Any]) -> dict[str, Any]:
        made.append("call")
        return arguments

    made: list[str] = []
    run_with_jmap(test, {"Core/echo": echo})


def test_others_are_served_while_a_response_is_written() -> None:
    async def test(client: JmapClient) -> None:
        ways = 0

        async def give_way() -> None:
            nonlocal ways
            ways += 1

        answer = await client.service.call(client.account, request(ECHO), BASE_URL, give_way=give_way)
        assert len(json.loads(answer.octets)["methodResponses"][0][1]["list"]) == 5000
        assert ways > 5

    async def much(_: Context, __: dict[str, Any]) -> dict[str, Any]:
        return {"list": [{"id": f"M{number}", "text": "x" * 100} for number in range(5000)]}

    run_with_jmap(test, {"Core/echo": much})


@pytest.mark.replaces_functions
def test_references_that_lead_through_much_are_resolved_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads, resolve = list[bool](), Results.resolve

    def noted(results: Results, arguments: dict[str, Any]) -> dict[str, Any]:
        threads.append(threading.current_thread() is not threading.main_thread())
        return resolve(results, arguments)

    monkeypatch.setattr(Results, "resolve", noted)

    async def test(client: JmapClient) -> None:
        def about(call: str) -> dict[str, str]:
            return {"resultOf": call, "name": "Core/echo", "path": "/list/*/id"}

        answer = await client.request(
            ["Core/echo", {"octets": 10}, "short"],
            ["Core/echo", {"octets": RESOLVED_AT_ONCE_OCTETS}, "long"],
            ["Core/echo", {"#ids": about("short")}, "a"],
            ["Core/echo", {"#ids": about("long"), "#more": about("short")}, "b"],
        )
        *_, one, other = [arguments for _, arguments, _ in answer["methodResponses"]]
        assert (one["ids"], other["ids"]) == (["x"], ["x"])
        assert threads == [False, False, False, True]

    async def echo(_: Context, arguments: dict[str, Any]) -> dict[str, Any]:
        if "octets" in arguments:
            record = {"id": "x", "text": "x" * arguments["octets"]}
            return {"list": [msgspec.Raw(msgspec.json.encode(record))]}
        return arguments

    run_with_jmap(test, {"Core/echo": echo})


def test_others_are_served_while_a_request_is_read() -> None:
    async def test(client: JmapClient) -> None:
        ways = 0

        async def give_way() -> None:
            nonlocal ways
            ways += 1

        for value, least in (("x" * 500_000, 7), ([{"a": []}] * 10_000, 10), ("\u1ffe" * 100_000, 60)):
            ways = 0
            octets = request(["Core/echo", {"a": value}, "c"])
            answer = await client.service.call(client.account, octets, BASE_URL, give_way=give_way)
            assert json.loads(answer.octets)["methodResponses"] == [["Core/echo", {"a": value}, "c"]]
            assert ways >= least
        assert problem(await client.send(b"[" * LARGE_REQUEST_OCTETS + b"["))["limit"] == "maxJsonDepth"

    run_with_jmap(test)


def test_what_is_large_counts_in_the_memory_budget() -> None:
    async def test(client: JmapClient) -> None:
        memory = client.provider.world.memory.accounts.buffers
        last = ["Mailbox/get", {"accountId": "A1"}, "d"]
        small = request(["Core/echo", {"a": "x"}, "c"], last)
        large = request(["Core/echo", {"a": "x" * LARGE_REQUEST_OCTETS}, "c"], last)
        for octets, used in ((small, 0), (large, 4 * len(large) + LARGE_REQUEST_OCTETS)):
            held.begun.clear()
            held.may_end.clear()
            task = asyncio.create_task(client.send(octets))
            await held.begun.wait()
            assert used <= memory.used_octets <= used + 100
            held.may_end.set()
            assert (await task).status == 200
            assert memory.used_octets == 0

    held = Held()
    run_with_jmap(test, {"Mailbox/get": held.echo})


def test_a_response_has_a_limit() -> None:
    async def test(client: JmapClient) -> None:
        def create(name: str) -> dict[str, Any]:
            return {"accountId": client.account_id, "create": {"k": {"name": name}}}

        answer = await client.request(
            ["Core/echo", {"a": "x" * 600}, "0"],
            ["Core/echo", {"a": "x" * 600}, "1"],
            ["Core/echo", {"a": "x" * 10}, "2"],
            ["Mailbox/set", create("One"), "3"],
            ["Mailbox/set", create("Two"), "4"],
            ["Core/echo", {}, "5"],
        )
        kinds = [said.get("type", name) for name, said, _ in answer["methodResponses"]]
        # what has written is answered all the same; then nothing is done any more
        assert kinds == [
            "Core/echo",
            "requestTooLarge",
            "Core/echo",
            "Mailbox/set",
            "requestTooLarge",
            "requestTooLarge",
        ]
        assert {record["name"] for record in model.records.values()} == {"Inbox", "One"}

    model = ModelMailboxes()
    run_with_jmap(test, model.handlers(), limits=Limits(max_response_octets=1000))


def test_a_large_response_needs_room_beside_what_others_hold() -> None:
    async def test(client: JmapClient) -> None:
        share = client.provider.world.memory.accounts.buffers
        long = ["Core/echo", {"a": "x" * FREE_OCTETS}, "1"]
        with share.hold(share.limit_octets, lambda: None):
            answer = await client.request(long, ["Core/echo", {"a": "x" * (FREE_OCTETS // 2)}, "2"])
            kinds = [said.get("type", name) for name, said, _ in answer["methodResponses"]]
            assert kinds == ["serverUnavailable", "Core/echo"]
        assert (await client.request(long))["methodResponses"] == [long]
        assert share.used_octets == 0

    run_with_jmap(test)


def test_a_chain_of_references_that_doubles() -> None:
    async def test(client: JmapClient) -> None:
        calls: list[list[Any]] = [["Core/echo", {"a": "x" * 50}, "0"]]
        for number in range(1, 64):
            of = {"resultOf": str(number - 1), "name": "Core/echo", "path": ""}
            calls.append(["Core/echo", {"#a": of, "#b": of}, str(number)])
        answer = await client.send(request(*calls))
        assert len(answer.octets) < 8_000_000
        responses = json.loads(answer.octets)["methodResponses"]
        assert len(responses) == 64
        assert {said["type"] for name, said, _ in responses if name == "error"} == {"invalidResultReference"}

    run_with_jmap(test)


@pytest.mark.rfc("8620 §3.3", "MUST")
def test_each_method_needs_its_capability() -> None:
    async def test(client: JmapClient) -> None:
        calls = [[method, {}, method] for method in CAPABILITY_OF]
        for urn in CAPABILITIES:
            using = tuple(other for other in CAPABILITIES if other != urn)
            answer = await client.request(*calls, using=using)
            unknown = {
                call for _, said, call in answer["methodResponses"] if said.get("type") == "unknownMethod"
            }
            assert unknown == set(CAPABILITIES[urn].methods)

    async def handler(_: Context, arguments: dict[str, Any]) -> dict[str, Any]:
        return arguments

    run_with_jmap(test, dict.fromkeys(CAPABILITY_OF, handler))


def test_the_handlers_are_methods_of_capabilities() -> None:
    assert HANDLERS.keys() <= CAPABILITY_OF.keys()


# --- accounts

ACCESSES = {
    "A1": Access(id="A1", name="own", capabilities=tuple(CAPABILITIES)),
    "A2": Access(id="A2", name="shared", is_read_only=True, capabilities=(CAPABILITY_OF["Email/get"].urn,)),
}


def refusal(method: str, **arguments: Any) -> str | None:
    try:
        check(ACCESSES, CAPABILITY_OF[method], method, arguments)
    except MethodError as error:
        return error.type
    return None


@pytest.mark.rfc("8620 §3.6.2", "MUST")
def test_what_an_account_is_good_for() -> None:
    assert refusal("Email/get", accountId="A1") is None
    assert refusal("Email/get", accountId="A2") is None
    assert refusal("Email/get", accountId="A3") == "accountNotFound"
    assert refusal("Email/get") == "invalidArguments"
    assert refusal("Identity/get", accountId="A2") == "accountNotSupportedByMethod"
    assert refusal("Email/set", accountId="A2") == "accountReadOnly"
    assert refusal("Email/import", accountId="A2") == "accountReadOnly"
    assert refusal("Email/copy", accountId="A1", fromAccountId="A2") is None
    assert refusal("Email/copy", accountId="A2", fromAccountId="A1") == "accountReadOnly"
    assert refusal("Email/copy", accountId="A1", fromAccountId="A3") == "fromAccountNotFound"
    assert CAPABILITY_OF["Core/echo"].urn == CORE
    assert refusal("Core/echo") is None


@pytest.mark.rfc("8620 §5.4", "MUST")
def test_an_account_to_copy_from() -> None:
    without = {**ACCESSES, "A2": Access(id="A2", name="x", capabilities=())}
    with pytest.raises(MethodError) as error:
        check(without, CAPABILITY_OF["Email/copy"], "Email/copy", {"accountId": "A1", "fromAccountId": "A2"})
    assert error.value.type == "fromAccountNotSupportedByMethod"
