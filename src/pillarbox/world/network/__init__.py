"""The door to other machines: connections that we open.

What others open to us comes through `server/listener`.

    stream.py    what a connection offers, and how one fails
    system.py    `SystemNetwork`: the machine's own
    memory.py    `MemoryNetwork`: joins pieces of one process, and refuses, delays and cuts as a test wishes

Always true: whatever goes wrong is `NetworkFailure` and worth another try; nothing that was received
before TLS is read after it (RFC 3207 §6). Time limits are the caller's, by `Clock.timeout`.
"""

from pillarbox.world.network.stream import Endpoint, Network, NetworkFailure, Stream, TlsFailure, TlsLayer

__all__ = ["Endpoint", "Network", "NetworkFailure", "Stream", "TlsFailure", "TlsLayer"]
