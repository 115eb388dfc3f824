"""The calls of one request, one after another: RFC 8620 §3.

Each has its references resolved and its account checked, then its handler is called. What fails ends that call only.
Responses are written as they come, so that no more is held than the client is sent.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from pillarbox.protocol.jmap import errors, writing
from pillarbox.protocol.jmap.capabilities import CAPABILITY_OF, writes
from pillarbox.protocol.jmap.errors import MethodError
from pillarbox.protocol.jmap.references import Response, Results, referred
from pillarbox.protocol.jmap.request import Call
from pillarbox.server.jmap import accounts
from pillarbox.server.jmap.context import Context, Handler, Named
from pillarbox.server.jmap.failures import method_error

ERROR = "error"
"""The name of the response to a call that failed."""
RESOLVED_AT_ONCE_OCTETS: Final = 256 * 1024
"""Octets of responses through which references lead in the loop: a millisecond or two where they have many values."""


class Dispatcher:
    """Runs the calls of one request."""

    def __init__(self, handlers: Mapping[str, Handler], context: Context) -> None:
        self._handlers = handlers
        self._context = context
        self._written: list[bytes] = []
        self._held_octets = context.memory.octets
        """By the request and its responses so far."""
        context.implicit = self.implicit

    async def run(self, calls: tuple[Call, ...], session_state: str) -> tuple[bytes, ...]:
        """The Response object (§3.4), in pieces: all of it may be tens of megabytes. Once only."""
        self._results = Results(self._context.limits, referred([call.arguments for call in calls]))
        for number, call in enumerate(calls):
            if number:
                await self._context.give_way()
            for name, arguments in await self._answers(call):
                await self._add(call, Response(name, arguments, call.id))
        end = {"sessionState": session_state}
        created = self._context.created.for_response()
        if created is not None:
            end = {"createdIds": created, **end}  # type: ignore[dict-item]  # two types of values
        await self._context.give_way()
        return (b'{"methodResponses":[', *self._written, b"]," + msgspec.json.encode(end)[1:])

    async def implicit(self, method: str, arguments: dict[str, Any]) -> list[Named]:
        """A call that the handler of another one makes: its responses, or its error."""
        try:
            if method not in self._handlers:
                raise MethodError(errors.UNKNOWN_METHOD)
            return await self._call(method, arguments)
        except Exception as raised:
            return [(ERROR, (await method_error(self._context, method, raised)).arguments())]

    async def _answers(self, call: Call) -> list[Named]:
        try:
            if self._context.room_octets <= 0:
                raise _response_too_large()
            self._check_known(call.name)
            return await self._call(call.name, await self._resolved(call.arguments))
        except Exception as raised:
            return [(ERROR, (await method_error(self._context, call.name, raised)).arguments())]

    async def _resolved(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments with results for references: where these lead through much JSON, that is read in a thread."""
        if self._results.octets(arguments) <= RESOLVED_AT_ONCE_OCTETS:
            return self._results.resolve(arguments)
        return await self._context.world.aside.run(self._results.resolve, arguments)

    def _check_known(self, method: str) -> None:
        capability = CAPABILITY_OF.get(method)
        if capability is None or capability.urn not in self._context.using or method not in self._handlers:
            raise MethodError(errors.UNKNOWN_METHOD)

    async def _call(self, method: str, arguments: dict[str, Any]) -> list[Named]:
        context = self._context
        accounts.check(context.accesses, CAPABILITY_OF[method], method, arguments)
        answer = await self._handlers[method](context, arguments)
        return [(method, answer)] if isinstance(answer, dict) else answer

    # --- writing

    async def _add(self, call: Call, response: Response) -> None:
        """Write a response; where it can't be, or would be too long, an error."""
        bounded, memory = not writes(call.name) and response.name != ERROR, self._context.memory
        try:
            written = await self._pieces(response, bounded=bounded)
            if bounded:
                await memory.grow(sum(map(len, written)))
        except Exception as raised:
            error = await method_error(self._context, call.name, raised)
            if writes(call.name):  # it is done all the same
                error = MethodError(errors.SERVER_PARTIAL_FAIL, error.description)
            response = Response(ERROR, error.arguments(), call.id)
            written = await self._pieces(response, bounded=False)
        octets = sum(map(len, written))
        self._results.add(response, octets)
        self._context.room_octets -= octets
        self._held_octets += octets
        memory.resize(self._held_octets)  # what making it took besides is free again
        if self._written:
            self._written.append(b",")
        self._written += written

    async def _pieces(self, response: Response, *, bounded: bool) -> list[bytes]:
        pieces: list[bytes] = []
        room = self._context.room_octets
        for piece in writing.pieces(response):
            if pieces:
                await self._context.give_way()
            pieces.append(piece)
            room -= len(piece)
            if bounded and room < 0:
                raise _response_too_large()
        return pieces


def _response_too_large() -> MethodError:
    return errors.request_too_large("The response would be too large: ask for less at once")
