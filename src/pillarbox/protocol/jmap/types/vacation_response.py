"""VacationResponse: RFC 8621 §8. Each account has exactly one."""

from typing import Final

from pillarbox.protocol.jmap.property_table import Property, TypeTable
from pillarbox.protocol.jmap.scalars import UTC_DATE_OR_NULL, Id, Text

SINGLETON_ID: Final = "singleton"

VACATION_RESPONSE: Final = TypeTable(
    "VacationResponse",
    Property(name="id", holds=Id, server_set=True, immutable=True),
    Property(name="isEnabled", holds=bool, default=False),
    Property(name="fromDate", holds=UTC_DATE_OR_NULL, default=None),
    Property(name="toDate", holds=UTC_DATE_OR_NULL, default=None),
    Property(name="subject", holds=Text | None, default=None),
    Property(name="textBody", holds=Text | None, default=None),
    Property(name="htmlBody", holds=Text | None, default=None),
)
"""The defaults are what the account has before anything was set."""
