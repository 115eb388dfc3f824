"""SearchSnippet: RFC 8621 §5. It has no id, and the conditions are those of Email/query."""

from typing import Any, Final

from pillarbox.protocol.jmap.arguments import Arguments
from pillarbox.protocol.jmap.property_table import Property, TypeTable
from pillarbox.protocol.jmap.scalars import Id, Reference

SEARCH_SNIPPET: Final = TypeTable(
    "SearchSnippet",
    Property(name="emailId", holds=Id, server_set=True),
    Property(name="subject", holds=str | None, server_set=True),
    Property(name="preview", holds=str | None, server_set=True),
)


class SearchSnippetGetArguments(Arguments, frozen=True, kw_only=True):
    """SearchSnippet/get (§5.1)."""

    filter: dict[str, Any] | None = None
    email_ids: list[Reference]
