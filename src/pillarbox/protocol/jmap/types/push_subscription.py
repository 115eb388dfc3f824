"""PushSubscription: RFC 8620 §7.2, with the property of draft-ietf-jmap-emailpush-03; and what is pushed.

Subscriptions belong to no account, so their methods have neither `accountId` nor states.
"""

from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from pillarbox.protocol.jmap import arguments
from pillarbox.protocol.jmap.arguments import too_many_to_set
from pillarbox.protocol.jmap.ids import CreatedIds
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.protocol.jmap.property_table import Property, TypeTable
from pillarbox.protocol.jmap.push import MAX_TYPES
from pillarbox.protocol.jmap.scalars import UTC_DATE_OR_NULL, Id, Reference

MAX_DEVICE_CHARACTERS: Final = 255
MAX_URL_CHARACTERS: Final = 2_000
MAX_TYPE_CHARACTERS: Final = 100
_MAX_KEY_CHARACTERS: Final = 100

_Short = Annotated[str, Meta(pattern=r"\A[^\0]*\Z", min_length=1, max_length=MAX_DEVICE_CHARACTERS)]
_Url = Annotated[str, Meta(pattern=r"\Ahttps://[!-~]*\Z", max_length=MAX_URL_CHARACTERS)]
_Types = Annotated[
    list[Annotated[str, Meta(pattern=r"\A[^\0]*\Z", max_length=MAX_TYPE_CHARACTERS)]],
    Meta(max_length=MAX_TYPES),
]


class Keys(Struct, frozen=True, forbid_unknown_fields=True):
    """Of the client, in base64url (RFC 8291)."""

    p256dh: Annotated[str, Meta(max_length=_MAX_KEY_CHARACTERS)]
    auth: Annotated[str, Meta(max_length=_MAX_KEY_CHARACTERS)]


SECRET: Final = ("url", "keys")
"""Never returned (§7.2.1)."""

_PROPERTIES: Final = (
    Property(name="id", holds=Id, server_set=True, immutable=True),
    Property(name="deviceClientId", holds=_Short, immutable=True),
    Property(name="url", holds=_Url, immutable=True, by_default=False),
    Property(name="keys", holds=Keys | None, default=None, immutable=True, by_default=False),
    Property(name="verificationCode", holds=_Short | None, default=None),
    Property(name="expires", holds=UTC_DATE_OR_NULL, default=None),
    Property(name="types", holds=_Types | None, default=None),
)

PUSH_SUBSCRIPTION: Final = TypeTable("PushSubscription", *_PROPERTIES)
WITH_EMAIL_PUSH: Final = TypeTable(
    "PushSubscription",
    *_PROPERTIES,
    Property(name="emailPush", holds=dict[Id, dict[str, Any]] | None, default=None),
)
"""For requests that use the capability."""


class SubscriptionGetArguments(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """§7.2.1."""

    ids: list[Reference] | None = None
    properties: list[str] | None = None

    def wanted(self, created: CreatedIds, limits: Limits) -> tuple[str, ...] | None:
        """The ids, each once; None for all. Raises requestTooLarge."""
        return None if self.ids is None else arguments.wanted(self.ids, created, limits)


class SubscriptionSetArguments(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """§7.2.2."""

    create: dict[Id, dict[str, Any]] | None = None
    update: dict[Reference, dict[str, Any]] | None = None
    destroy: list[Reference] | None = None

    def check(self, limits: Limits) -> None:
        """Raises requestTooLarge."""
        if (
            len(self.create or ()) + len(self.update or ()) + len(self.destroy or ())
            > limits.max_objects_in_set
        ):
            raise too_many_to_set(limits)


def verification(subscription_id: str, code: str) -> dict[str, Any]:
    """A PushVerification object (§7.2.2)."""
    return {"@type": "PushVerification", "pushSubscriptionId": subscription_id, "verificationCode": code}
