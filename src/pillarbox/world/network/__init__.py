"""Outgoing connections.

Incoming ones are in `server/listener`.

    stream.py    the interface of a connection, and how it fails
    system.py    `SystemNetwork`: the machine's network
    memory.py    `MemoryNetwork`: inside one process, with faults that a test sets

Always true: every failure is `NetworkFailure` and may be retried; nothing that was received before TLS is read
after it (RFC 3207 §6). Time limits are the caller's, by `Clock.timeout`.
"""

from pillarbox.world.network.stream import Endpoint, Network, NetworkFailure, Stream, TlsFailure, TlsLayer

__all__ = ["Endpoint", "Network", "NetworkFailure", "Stream", "TlsFailure", "TlsLayer"]
