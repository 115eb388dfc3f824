"""The scalar types of RFC 8620 §1, as types that msgspec checks: of arguments, properties and conditions."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, Final, TypeAlias

import msgspec
from msgspec import Meta, Struct

from pillarbox.mail.date import rfc3339
from pillarbox.protocol.jmap import errors

MAX_INT: Final = 2**53 - 1
"""What a double holds exactly (§1.3)."""
MAX_TEXT: Final = 100_000
"""Characters of a text in arguments and properties, unless their table says otherwise."""

Id: TypeAlias = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_-]{1,255}\Z")]
"""§1.2: of our own records, and of creations."""
Reference: TypeAlias = Annotated[str, Meta(pattern=r"\A#?[A-Za-z0-9_-]{1,255}\Z")]
"""An id, or `#` and the creation id of a record that this request has made (§5.3)."""
Int: TypeAlias = Annotated[int, Meta(ge=-MAX_INT, le=MAX_INT)]
UnsignedInt: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_INT)]
PositiveInt: TypeAlias = Annotated[int, Meta(ge=1, le=MAX_INT)]
State: TypeAlias = Annotated[str, Meta(max_length=1000)]
Text: TypeAlias = Annotated[str, Meta(pattern=r"\A[^\0]*\Z", max_length=MAX_TEXT)]
"""Any text without NUL, which is valid JSON but no mail or database keeps."""
_MOMENT: Final = r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{0,8}[1-9])?"
Date: TypeAlias = Annotated[str, Meta(pattern=_MOMENT + r"(Z|[+-][0-9]{2}:[0-9]{2})\Z")]
"""§1.4: no fraction of zero, capital letters."""
UtcDate: TypeAlias = Annotated[str, Meta(pattern=_MOMENT + r"Z\Z")]
"""§1.4, with Z."""


def milliseconds(text: str) -> int | None:
    """A `Date` or `UtcDate` as milliseconds since 1970-01-01T00:00Z; None where there is no such day or time.

    A leap second is the second before it (RFC 3339 §5.7).
    """
    leap = text[17:19] == "60"
    try:
        moment = datetime.fromisoformat(text[:17] + "59" + text[19:] if leap else text)
    except ValueError:
        return None
    offset = moment.utcoffset()
    if offset is None:
        return None
    days = moment.toordinal() - _EPOCH_DAY
    seconds = days * 86_400 + moment.hour * 3600 + moment.minute * 60 + moment.second
    return (seconds - offset.days * 86_400 - offset.seconds) * 1000 + moment.microsecond // 1000


_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()


def utc_date(milliseconds_since_1970: int) -> str:
    """The time as a `UtcDate`, in whole seconds; years from 1 to 9999, others become the nearest."""
    return rfc3339(min(max(milliseconds_since_1970, _FIRST_MS), _LAST_MS))


_FIRST_MS: Final = (1 - _EPOCH_DAY) * 86_400_000
_LAST_MS: Final = (date.max.toordinal() + 1 - _EPOCH_DAY) * 86_400_000 - 1


class Kind(Struct, frozen=True):
    """A type, with what a type can't say."""

    type: Any
    valid: Callable[[Any], bool]


def _is_moment(value: str | None) -> bool:
    return value is None or milliseconds(value) is not None


def _all_true(value: dict[str, bool] | None) -> bool:
    return value is None or all(value.values())


DATE: Final = Kind(Date, _is_moment)
UTC_DATE: Final = Kind(UtcDate, _is_moment)
UTC_DATE_OR_NULL: Final = Kind(UtcDate | None, _is_moment)


def set_of(key: Any) -> Kind:
    """An object whose members are all true: how JMAP writes a set, so that a patch can change one of it."""
    return Kind(dict[key, bool], _all_true)


def fits(value: Any, kind: Any) -> bool:
    """Whether a decoded JSON value is of this type, or of this `Kind`."""
    try:
        msgspec.convert(value, kind.type if isinstance(kind, Kind) else kind)
    except msgspec.ValidationError:
        return False
    return not isinstance(kind, Kind) or kind.valid(value)


def described(error: msgspec.ValidationError) -> errors.MethodError:
    """What msgspec says, in JMAP's terms."""
    return errors.invalid_arguments(str(error))
