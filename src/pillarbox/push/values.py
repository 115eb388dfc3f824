"""The values that rows of pushes have."""

from typing import Final

from pillarbox.protocol.webpush.p256 import ORDER, SCALAR_OCTETS
from pillarbox.world.database.values import Rule, TableValues, date, integer

_SCALAR: Final = Rule(
    f"typeof({{0}}) = 'blob' AND length({{0}}) = {SCALAR_OCTETS}"
    f" AND {{0}} BETWEEN x'{1:0{2 * SCALAR_OCTETS}x}' AND x'{ORDER - 1:x}'",
    None,
)

_VAPID_KEYS: Final = TableValues(
    name="vapid-key-values-valid",
    table="vapid_keys",
    columns={"number": integer(1), "scalar": _SCALAR, "made_at_ms": date("0")},
    rule="A key for push services is a number that can be one, with a date.",
    named="number",
    message="key {0} for push services is none, or has a date of a wrong type",
    remedy="Drop a key that is none: another one is made, and whoever wants to be told subscribes anew.",
)

TABLES: Final[tuple[TableValues, ...]] = (_VAPID_KEYS,)
INVARIANTS = tuple(values.invariant() for values in TABLES)
"""In the order of repair."""
