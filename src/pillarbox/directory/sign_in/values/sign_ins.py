"""Who is signed in, on what, and who was."""

from typing import Final

from pillarbox.directory.sign_in.browser_sessions import DIGEST_OCTETS, Method
from pillarbox.directory.sign_in.devices import Kind
from pillarbox.directory.sign_in.sign_in_steps import Purpose
from pillarbox.directory.sign_in.sign_ins import Result, Way
from pillarbox.world.database.values import TableValues, date, integer, octets, optional, text

_BROWSER_SESSIONS: Final = TableValues(
    name="browser-session-values-valid",
    table="browser_sessions",
    columns={
        "id": text(),
        "account": integer(),
        "digest": octets(length=DIGEST_OCTETS),
        "former": optional(octets(length=DIGEST_OCTETS)),
        "former_until_ms": integer(instead="0"),
        "method": text(among=tuple(Method)),
        **dict.fromkeys(("agent", "address"), text("''")),
        "device": octets("x''"),
        **dict.fromkeys(("created_at_ms", "seen_at_ms", "proven_at_ms", "cookie_at_ms"), date("0")),
        "expires_at_ms": date(),
    },
    rule="What is kept of a browser session has its types.",
    named="CAST(account AS INTEGER)",
    message="a browser session of account {0} has a digest, text or date of a wrong type",
    remedy="Without its digest, its way of signing in or its end, it is dropped: the person signs in anew.",
)

_SIGN_IN_STEPS: Final = TableValues(
    name="sign-in-step-values-valid",
    table="sign_in_steps",
    columns={
        "digest": octets(length=DIGEST_OCTETS),
        "account": integer(),
        "purpose": text(among=tuple(Purpose)),
        **dict.fromkeys(("session", "credential"), text()),
        "challenge": octets(),
        "tries": integer(),
        "expires_at_ms": date(),
        "network": text("''"),
        "known": integer(instead="0"),
        "sign_in": optional(integer(1)),
    },
    rule="What is kept of a sign-in that is not complete has its types.",
    named="CAST(account AS INTEGER)",
    message="a sign-in of account {0} that is not complete has a digest, text or number of a wrong type",
    remedy="Drop it: the person signs in anew.",
)

_USED_CHALLENGES: Final = TableValues(
    name="used-challenge-values-valid",
    table="used_challenges",
    columns={"digest": octets(length=DIGEST_OCTETS), "expires_at_ms": date()},
    rule="What is kept of a used challenge has its types.",
    named="quote(digest)",
    message="a used challenge has a digest or date of a wrong type: {0}",
    remedy="Drop it: it has expired after ten minutes.",
)

_CLIENTS: Final = TableValues(
    name="known-client-values-valid",
    table="known_clients",
    columns={"account": integer(), "client": text(), "last_seen_at_ms": date()},
    rule="Clients that have logged in before are known by texts.",
    named="CAST(account AS INTEGER)",
    message="a known client of account {0} has a text or date of a wrong type",
    remedy="Forget it, until it logs in again.",
)

_SIGN_INS: Final = TableValues(
    name="sign-in-values-valid",
    table="sign_ins",
    columns={
        "account": integer(),
        "failed": integer(0, 1, f"result <> '{Result.SUCCEEDED}'"),
        "way": text(among=tuple(Way)),
        "result": text(f"'{Result.FAILED}'", among=tuple(Result)),
        **dict.fromkeys(("address", "method", "name", "reason", "agent"), text("''")),
        "attempts": integer(instead="1"),
        **dict.fromkeys(("first_at_ms", "last_at_ms"), date()),
    },
    rule="What is kept of a sign-in has its types.",
    named="CAST(account AS INTEGER)",
    message="a sign-in to account {0} has a text, number or date of a wrong type",
    remedy="Leave it out. Without knowing when or by what protocol, drop the row.",
)

_DEVICES: Final = TableValues(
    name="device-values-valid",
    table="devices",
    columns={
        "account": integer(),
        "kind": text(among=tuple(Kind)),
        "device": text(),
        "app_password": optional(integer(1)),
        **dict.fromkeys(("name", "address", "agent"), text("''")),
        **dict.fromkeys(("first_seen_at_ms", "last_seen_at_ms"), date()),
        "way": text(f"'{Way.IMAP}'", among=tuple(Way)),
        "told_at_ms": optional(date()),
    },
    rule="What is known of a device has its types.",
    named="CAST(account AS INTEGER), quote(name)",
    message="device {1} of account {0} has a text, number or date of a wrong type",
    remedy="Leave it out. Without what it is known by, forget it: it is a new device when it signs in again.",
)

_DEVICE_NOTICES: Final = TableValues(
    name="device-notice-values-valid",
    table="device_notices",
    columns={"wanted": integer(0, 1, "1"), "had_device": integer(0, 1, "1")},
    rule="Whether somebody is told of new devices is known.",
    named="account",
    message="whether account {0} is told of new devices is not known",
    remedy="It is told.",
)

TABLES: Final[tuple[TableValues, ...]] = (
    _BROWSER_SESSIONS,
    _SIGN_IN_STEPS,
    _USED_CHALLENGES,
    _CLIENTS,
    _SIGN_INS,
    _DEVICES,
    _DEVICE_NOTICES,
)
