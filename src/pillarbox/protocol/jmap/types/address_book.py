"""AddressBook: RFC 9610 §2."""

from typing import Annotated, Any, Final

from msgspec import Meta

from pillarbox.protocol.jmap.arguments import SetArguments
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.property_table import Property, TypeTable
from pillarbox.protocol.jmap.scalars import Id, Kind, Reference

MAX_NAME_OCTETS: Final = 255
"""§2."""
MAX_DESCRIPTION: Final = 10_000
"""Characters."""

SortOrder = Annotated[int, Meta(ge=0, lt=2**31)]
_NO_NUL: Final = r"\A[^\0]*\Z"
Description = Annotated[str, Meta(max_length=MAX_DESCRIPTION, pattern=_NO_NUL)]


def _is_name(name: str) -> bool:
    return 0 < len(name.encode(errors="replace")) <= MAX_NAME_OCTETS


NAME: Final = Kind(Annotated[str, Meta(pattern=_NO_NUL)], _is_name)

ADDRESS_BOOK: Final = TypeTable(
    "AddressBook",
    Property(name="id", holds=Id, server_set=True, immutable=True),
    Property(name="name", holds=NAME),
    Property(name="description", holds=Description | None, default=None),
    Property(name="sortOrder", holds=SortOrder, default=0),
    Property(name="isDefault", holds=bool, server_set=True),
    Property(name="isSubscribed", holds=bool, default=True),
    # Nothing is shared with anybody: null is all it may hold
    Property(name="shareWith", holds=None, default=None),
    Property(name="myRights", holds=dict[str, bool], server_set=True),
)


def rights(*, is_default: bool) -> dict[str, bool]:
    """AddressBookRights of its owner."""
    return {"mayRead": True, "mayWrite": True, "mayShare": False, "mayDelete": not is_default}


class AddressBookSetArguments(SetArguments, frozen=True, kw_only=True):
    """AddressBook/set (§2.3)."""

    on_destroy_remove_contents: bool = False
    on_success_set_is_default: Reference | None = None


def sharing_is_forbidden(given: dict[str, Any]) -> SetError | None:
    """Whoever lacks the right mayShare can't set `shareWith`, but to what it is (§2.3)."""
    named = [name for name, value in given.items() if name.partition("/")[0] == "shareWith" and value]
    return SetError("forbidden", "Address books cannot be shared") if named else None
