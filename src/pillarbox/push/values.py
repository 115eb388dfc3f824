"""The values that rows of pushes have."""

from typing import Final

from pillarbox.protocol.webpush.client_keys import AUTH_OCTETS
from pillarbox.protocol.webpush.p256 import ORDER, POINT_OCTETS, SCALAR_OCTETS
from pillarbox.push.subscriptions import ASKED, NEW, VERIFIED
from pillarbox.world.database.values import Rule, TableValues, date, integer, text

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

_SUBSCRIPTIONS: Final = TableValues(
    name="push-subscription-values-valid",
    table="push_subscriptions",
    columns={
        "id": integer(1),
        "account": integer(),
        **dict.fromkeys(("credential", "device", "url", "code"), text()),
        # What was to be encrypted is never sent in the clear because a key is lost
        "p256dh": Rule(
            f"({{0}} IS NULL AND auth IS NULL) OR (typeof({{0}}) = 'blob' AND length({{0}}) = {POINT_OCTETS})",
            None,
        ),
        "auth": Rule(
            f"({{0}} IS NULL AND p256dh IS NULL) OR (typeof({{0}}) = 'blob' AND length({{0}}) = {AUTH_OCTETS})",
            None,
        ),
        "vapid_key": integer(),
        **dict.fromkeys(("types", "email_push"), Rule("{0} IS NULL OR typeof({0}) = 'text'", None)),
        "state": text(among=(NEW, ASKED, VERIFIED)),
        "expires_at_ms": date(),
        "told": text("''"),
        **dict.fromkeys(("told_email", "failures", "retry_at_ms"), integer(instead="0")),
    },
    rule="What is kept of a push subscription has its types.",
    named="CAST(id AS INTEGER), CAST(account AS INTEGER)",
    message="push subscription {0} of account {1} has a text, key or number of a wrong type",
    remedy="Drop it: its client subscribes anew. Where only what it was told is lost, it is told of the next change.",
)

_VERIFICATIONS: Final = TableValues(
    name="push-verification-values-valid",
    table="push_verifications",
    columns={"account": integer(), "host": text(), "at_ms": date()},
    rule="Codes that were sent to verify URLs are known by account, host and date.",
    named="CAST(account AS INTEGER)",
    message="a code that was sent for account {0} has a host or date of a wrong type",
    remedy="Forget that it was sent.",
)

TABLES: Final[tuple[TableValues, ...]] = (_VAPID_KEYS, _SUBSCRIPTIONS, _VERIFICATIONS)
INVARIANTS = tuple(values.invariant() for values in TABLES)
"""In the order of repair."""
