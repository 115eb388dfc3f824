"""What of a Card is matched by the filters and compared by the sort orders of ContactCard/query (RFC 9610 §3.3)."""

from typing import Any, Final

FIELDS: Final = frozenset(
    (
        "text", "name", "name/given", "name/surname", "name/surname2", "nickname", "organization", "email", "phone",
        "onlineService", "address", "note",
    )
)  # fmt: skip
"""Filters that look for words in texts (§3.3.1)."""
SORTS: Final = frozenset(("created", "updated", "name/given", "name/surname", "name/surname2"))
"""§3.3.2."""


def texts(card: dict[str, Any], field: str) -> list[str]:
    """All texts of a valid Card in which the filter `field` of `FIELDS`, "uid", "kind" or "hasMember" looks."""
    raise NotImplementedError


def sort_key(card: dict[str, Any], order: str) -> str:
    """What is compared by the sort order of `SORTS`; empty where the card has no such thing."""
    raise NotImplementedError
