"""What the server can do: one table, from which come the session object, `using`, and who knows which method.

A row has the URN, its methods, and what the session says of it: for the server (RFC 8620 §2, `capabilities`) and for
each account (`accountCapabilities`). Methods on accounts belong to a capability that says something
for accounts; of those of the core, Blob/copy looks after its accounts itself, and push subscriptions belong to none.
"""

from collections.abc import Callable, Container
from typing import Any, Final

from msgspec import Struct

from pillarbox.mail import mailbox_name
from pillarbox.protocol.jmap.filters import COLLATIONS
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.protocol.jmap.types import blob, email, saved_search


class Facts(Struct, frozen=True, kw_only=True):
    """What the session object says that the configuration decides."""

    limits: Limits
    message_octets: int
    """The largest message that is taken and sent."""
    max_delayed_send_s: int = 0
    """How long what is sent may be held (RFC 4865)."""
    max_snooze_s: int = 0
    """How long an email may be away."""
    socket_url: str = ""
    """Where a WebSocket is opened."""
    application_server_key: str = ""
    """The public key that push services know us by; empty where it is not known."""


Says = Callable[[Facts], dict[str, Any]]


def _nothing(_: Facts) -> dict[str, Any]:
    return {}


class Capability(Struct, frozen=True, kw_only=True):
    """One row."""

    urn: str
    methods: tuple[str, ...]
    server: Says = _nothing
    account: Says | None = None
    """None where it has nothing to do with accounts."""


CORE: Final = "urn:ietf:params:jmap:core"
MAIL: Final = "urn:ietf:params:jmap:mail"
SUBMISSION: Final = "urn:ietf:params:jmap:submission"
VACATION_RESPONSE: Final = "urn:ietf:params:jmap:vacationresponse"
WEBSOCKET: Final = "urn:ietf:params:jmap:websocket"
WEBPUSH_VAPID: Final = "urn:ietf:params:jmap:webpush-vapid"
BLOB: Final = "urn:ietf:params:jmap:blob"
QUOTA: Final = "urn:ietf:params:jmap:quota"
SMIME_VERIFY: Final = "urn:ietf:params:jmap:smimeverify"
MDN: Final = "urn:ietf:params:jmap:mdn"
EMAIL_PUSH: Final = "urn:ietf:params:jmap:emailpush"
UNDO: Final = "urn:pillarbox:jmap:undo"
"""Ours: what an Email/set has changed can be undone."""
TRACE: Final = "urn:pillarbox:jmap:trace"
SAVED_SEARCHES: Final = "urn:pillarbox:jmap:savedsearches"
"""An extension of our own, as all of `urn:pillarbox:jmap:`."""
SNOOZE: Final = "urn:pillarbox:jmap:snooze"
SCHEDULED: Final = "urn:pillarbox:jmap:scheduled"
CONTACTS: Final = "urn:ietf:params:jmap:contacts"
VCARD: Final = "urn:pillarbox:jmap:vcard"


def _core(facts: Facts) -> dict[str, Any]:
    """RFC 8620 §2."""
    limits = facts.limits
    return {
        "maxSizeUpload": limits.max_size_upload,
        "maxConcurrentUpload": limits.max_concurrent_upload,
        "maxSizeRequest": limits.max_size_request,
        "maxConcurrentRequests": limits.max_concurrent_requests,
        "maxCallsInRequest": limits.max_calls_in_request,
        "maxObjectsInGet": limits.max_objects_in_get,
        "maxObjectsInSet": limits.max_objects_in_set,
        "collationAlgorithms": list(COLLATIONS),
    }


def _mail(facts: Facts) -> dict[str, Any]:
    """RFC 8621 §1.3.1."""
    return {
        "maxMailboxesPerEmail": None,
        "maxMailboxDepth": mailbox_name.MAX_LEVELS,
        "maxSizeMailboxName": mailbox_name.MAX_LEVEL_OCTETS,
        # base64 makes 78 octets with its line end of 57; the rest is for header and text
        "maxSizeAttachmentsPerEmail": facts.message_octets * 57 // 78 * 9 // 10,
        "emailQuerySortOptions": list(email.SORTS),
        "mayCreateTopLevelMailbox": True,
    }


def _submission(facts: Facts) -> dict[str, Any]:
    """RFC 8621 §1.3.2."""
    extensions = {"DSN": [], "REQUIRETLS": [], "SIZE": [str(facts.message_octets)]}
    if facts.max_delayed_send_s:
        # The longest time. The latest date would be another one at any time, and with it the session's state
        extensions["FUTURERELEASE"] = [str(facts.max_delayed_send_s)]
    return {"maxDelayedSend": facts.max_delayed_send_s, "submissionExtensions": extensions}


def _websocket(facts: Facts) -> dict[str, Any]:
    """RFC 8887 §3."""
    return {"url": facts.socket_url, "supportsPush": True}


def _webpush_vapid(facts: Facts) -> dict[str, Any]:
    """RFC 9749 §3."""
    return {"applicationServerKey": facts.application_server_key}


def _blob(facts: Facts) -> dict[str, Any]:
    """RFC 9404 §3.1."""
    return {
        "maxSizeBlobSet": facts.limits.max_size_upload,
        "maxDataSources": facts.limits.max_data_sources,
        "supportedTypeNames": list(blob.REFERRING),
        "supportedDigestAlgorithms": list(blob.DIGESTS),
    }


def _undo(facts: Facts) -> dict[str, Any]:
    """Seconds, and how many tokens an account has at most."""
    return {"undoTokenLifetime": facts.limits.undo_kept_s, "maxUndoTokens": facts.limits.max_undo_tokens}


def _saved_searches(_: Facts) -> dict[str, Any]:
    return {"maxSavedSearches": saved_search.MAX_SEARCHES, "maxSizeFilter": saved_search.MAX_FILTER_OCTETS}


def _snooze(facts: Facts) -> dict[str, Any]:
    """An own extension: emails that go away and come back."""
    return {"maxSnooze": facts.max_snooze_s, "emailQuerySortOptions": list(email.SNOOZE_SORTS)}


def _contacts(_: Facts) -> dict[str, Any]:
    """RFC 9610 §1.4.1."""
    return {"maxAddressBooksPerCard": None, "mayCreateAddressBook": True}


def _methods(kind: str, verbs: str) -> tuple[str, ...]:
    return tuple(f"{kind}/{verb}" for verb in verbs.split())


_ROWS: Final = (
    Capability(
        urn=CORE, methods=("Core/echo", "Blob/copy", *_methods("PushSubscription", "get set")), server=_core
    ),
    Capability(
        urn=MAIL,
        methods=(
            *_methods("Mailbox", "get changes query queryChanges set"),
            *_methods("Thread", "get changes"),
            *_methods("Email", "get changes query queryChanges set copy import parse"),
            *_methods("SearchSnippet", "get"),
        ),
        account=_mail,
    ),
    Capability(
        urn=SUBMISSION,
        methods=(
            *_methods("Identity", "get changes set"),
            *_methods("EmailSubmission", "get changes query queryChanges set"),
        ),
        account=_submission,
    ),
    Capability(urn=VACATION_RESPONSE, methods=_methods("VacationResponse", "get set"), account=_nothing),
    Capability(urn=WEBSOCKET, methods=(), server=_websocket),
    Capability(urn=WEBPUSH_VAPID, methods=(), server=_webpush_vapid),
    Capability(urn=BLOB, methods=_methods("Blob", "upload get lookup"), account=_blob),
    Capability(urn=QUOTA, methods=_methods("Quota", "get changes query queryChanges"), account=_nothing),
    Capability(urn=SMIME_VERIFY, methods=(), account=_nothing),
    Capability(urn=MDN, methods=_methods("MDN", "send parse"), account=_nothing),
    Capability(urn=UNDO, methods=_methods("Email", "undo"), account=_undo),
    Capability(
        urn=SAVED_SEARCHES, methods=_methods("SavedSearch", "get changes set"), account=_saved_searches
    ),
    Capability(urn=TRACE, methods=_methods("MessageTrace", "get"), account=_nothing),
    Capability(urn=SNOOZE, methods=(), account=_snooze),
    Capability(urn=SCHEDULED, methods=(), account=_nothing),
    Capability(urn=EMAIL_PUSH, methods=(), account=_nothing),
    Capability(
        urn=CONTACTS,
        methods=(
            *_methods("AddressBook", "get changes set"),
            *_methods("ContactCard", "get changes query queryChanges set copy"),
        ),
        account=_contacts,
    ),
    Capability(urn=VCARD, methods=_methods("ContactCard", "parse export"), account=_nothing),
)

CAPABILITIES: Final = {row.urn: row for row in _ROWS}
"""By URN; what a request may be `using`."""

CAPABILITY_OF: Final = {method: row for row in _ROWS for method in row.methods}
"""By the method's name."""

WRITING_VERBS: Final = frozenset(("set", "copy", "import", "upload", "send", "undo", "export"))
"""Methods with these names change something: a read-only account refuses them."""


def writes(method: str) -> bool:
    """Whether a method may change something."""
    return method.rpartition("/")[2] in WRITING_VERBS


def offered(methods: Container[str]) -> tuple[Capability, ...]:
    """What the session lists: capabilities without methods, and those of whose methods some are there."""
    return tuple(row for row in _ROWS if not row.methods or any(method in methods for method in row.methods))
