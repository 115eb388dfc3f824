"""What one connection holds, counted in the memory budget: input that is no whole event yet, and output not read.

Little of either is not counted: most commands come whole, and most peers read at once.
"""

import asyncio
from abc import ABC, abstractmethod
from typing import Any

from pillarbox.server.connection import Session
from pillarbox.server.pump.held_input import HeldInput
from pillarbox.server.pump.owner import ConnectionOwner
from pillarbox.server.pump.phases import Event
from pillarbox.world.memory import UNCOUNTED_OCTETS, PeerShares, Reservation


class Accounting(asyncio.BufferedProtocol, ABC):
    """The part of a pump that counts what its connection holds."""

    __slots__ = ("_input_memory", "_output_memory")

    _owner: ConnectionOwner
    _held: HeldInput
    _session: Session[Any] | None
    _transport: asyncio.Transport | None

    def __init__(self) -> None:
        self._input_memory: Reservation | None = None
        self._output_memory: Reservation | None = None

    @abstractmethod
    def _on(self, event: Event) -> None:
        """Enter the phase that the table gives, then perform its action."""

    @property
    def _memory(self) -> PeerShares:
        session = self._session
        return self._owner.memory.of(stranger=session is None or not session.accounts)

    def _count_input(self) -> None:
        """More has come in of an event, or waits behind it."""
        session = self._session
        octets = self._held.octets + (session.machine.buffered if session is not None else 0)
        counted = self._input_memory
        if octets < UNCOUNTED_OCTETS:
            if counted is not None:
                self._input_taken()
        elif counted is None:
            self._input_memory = self._memory.buffers.hold(octets, self._input_given_up)
        elif abs(octets - counted.octets) >= UNCOUNTED_OCTETS:  # more of it is counted as coarsely
            counted.resize(octets)

    def _input_taken(self) -> None:
        counted, self._input_memory = self._input_memory, None
        if counted is not None:
            counted.release()

    def _input_given_up(self) -> None:
        self._input_memory = None
        self._on(Event.SCARCE)

    def _count_output(self) -> None:
        """The peer does not read: what was written is waited for."""
        if self._output_memory is None and self._transport is not None:
            octets = self._transport.get_write_buffer_size()
            self._output_memory = self._memory.buffers.hold(octets, self._output_given_up)

    def _output_taken(self) -> None:
        counted, self._output_memory = self._output_memory, None
        if counted is not None:
            counted.release()

    def _output_given_up(self) -> None:
        self._output_memory = None
        self._on(Event.ABORT)
