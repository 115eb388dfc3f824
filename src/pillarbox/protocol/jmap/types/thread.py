"""Thread: RFC 8621 §3."""

from typing import Final

from pillarbox.protocol.jmap.property_table import Property, TypeTable
from pillarbox.protocol.jmap.scalars import Id

THREAD: Final = TypeTable(
    "Thread",
    Property(name="id", holds=Id, server_set=True, immutable=True),
    Property(name="emailIds", holds=list[Id], server_set=True),
)
