"""The properties of a PushSubscription: what a client sends as it is kept, with all that is wrong, and back."""

from typing import Any, Final

import msgspec

from pillarbox.mail import object_id
from pillarbox.protocol.jmap import errors
from pillarbox.protocol.jmap.capabilities import EMAIL_PUSH
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.scalars import milliseconds, utc_date
from pillarbox.protocol.webpush import base64url, request
from pillarbox.protocol.webpush.client_keys import ClientKeys, client_keys
from pillarbox.protocol.webpush.p256 import KeyRefused
from pillarbox.push.subscriptions import VERIFIED, Subscription
from pillarbox.server.jmap.context import Context
from pillarbox.server.jmap.guarded_writes import RecordRefused
from pillarbox.server.jmap.pushing import email_config
from pillarbox.web.target import UrlRefused

LIFE_MS: Final = 7 * 86_400_000
"""How long a subscription lasts at most, unless it is renewed (§7.2)."""


class Checked:
    """The properties of one record that are looked at one by one. What they return counts after `refuse`."""

    def __init__(self, context: Context, now_ms: int) -> None:
        self._context = context
        self._now_ms = now_ms
        self.wrong: dict[str, str] = {}
        """Why, by property."""

    def refuse(self) -> None:
        """Raises `RecordRefused`, if anything is wrong."""
        if self.wrong:
            description = "; ".join(f"{name}: {why}" for name, why in self.wrong.items())
            raise RecordRefused(errors.invalid_properties(self.wrong, description))

    def host(self, url: str) -> str:
        """The host of a URL."""
        try:
            return request.endpoint(url).host
        except UrlRefused as refused:
            self.wrong["url"] = str(refused)
            return ""

    def keys(self, given: dict[str, str] | None) -> ClientKeys | None:
        """The keys; None where there are none."""
        try:
            return None if given is None else client_keys(given["p256dh"], given["auth"])
        except KeyRefused as refused:
            self.wrong["keys"] = str(refused)
            return None

    def expiry_ms(self, expires: str | None) -> int:
        """In whole seconds, as it is shown; no later than may be."""
        latest_ms = (self._now_ms + LIFE_MS + 999) // 1000 * 1000
        at_ms = None if expires is None else milliseconds(expires)
        if at_ms is None:
            return latest_ms
        if at_ms <= self._now_ms:
            self.wrong["expires"] = "it is over"
        return min(at_ms // 1000 * 1000, latest_ms)

    def email_push(self, given: dict[str, dict[str, Any]] | None, *, encrypted: bool) -> str | None:
        """As JSON. What is in emails goes to nobody but the client (draft-ietf-jmap-emailpush-03 §6)."""
        if given is None:
            return None
        if not encrypted:
            self.wrong["emailPush"] = "there are no keys to encrypt it with"
            return None
        accounts = [key for key, one in self._context.accesses.items() if EMAIL_PUSH in one.capabilities]
        checked = email_config.checked(given, frozenset(accounts))
        if isinstance(checked, SetError):
            self.wrong["emailPush"] = checked.description or ""
            return None
        return as_json(checked)


def as_json(value: Any) -> str | None:
    """As it is kept; None for null."""
    return None if value is None else msgspec.json.encode(value).decode()


def record_of(one: Subscription) -> dict[str, Any]:
    """The object, with what is never returned: clients may send it as it is."""
    keys = None
    if one.p256dh and one.auth:
        keys = {"p256dh": base64url.encoded(one.p256dh), "auth": base64url.encoded(one.auth)}
    return {
        "id": object_id.of_push_subscription(one.id),
        "deviceClientId": one.device,
        "url": one.url,
        "keys": keys,
        # Before that, whoever subscribes need not see what is sent to the URL
        "verificationCode": one.code if one.state == VERIFIED else None,
        "expires": utc_date(one.expires_at_ms),
        "types": _value(one.types),
        "emailPush": _value(one.email_push),
    }


def _value(json: str | None) -> Any:
    return None if json is None else msgspec.json.decode(json)
