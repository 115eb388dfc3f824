"""The destinations of one message, collected from its recipients, and the DSN requests that go with them."""

from msgspec import Struct
from msgspec.structs import replace

from pillarbox.delivery.placement import Placement
from pillarbox.delivery.route import LocalRecipient
from pillarbox.mail import unitext, xtext
from pillarbox.mail.address import Address, domain_key
from pillarbox.mail.dsn import Action, DsnRecipient
from pillarbox.queue.spool import QueuedRecipient


class DsnRequest(Struct, frozen=True, gc=False):
    """What the sender asked for about a recipient (RFC 3461 §4.1, §4.2), as the queue stores it.

    `notify`: the words of NOTIFY, comma-separated; empty where it was not given. `original`: ORCPT.
    """

    notify: str = ""
    original: str | None = None

    @property
    def wants_success(self) -> bool:
        """Whether NOTIFY asks for reports of success."""
        return "SUCCESS" in self.notify  # no other word contains it

    def beyond(self, alias: Address) -> "DsnRequest":
        """The request for a message that an alias of several addresses sends on (RFC 3461 §5.2.7.3 c)."""
        words = [word for word in self.notify.split(",") if word != "SUCCESS"]
        return replace(self.onward(alias), notify=",".join(words) or ("NEVER" if self.notify else ""))

    def onward(self, alias: Address) -> "DsnRequest":
        """The request for a message that is sent on: the sender knows the address it wrote to."""
        text = str(alias)
        kind, encode = ("rfc822", xtext.encode) if text.isascii() else ("utf-8", unitext.encode)
        return replace(self, original=self.original or f"{kind};{encode(text)}")


NO_REQUEST = DsnRequest()
"""Neither NOTIFY nor ORCPT was given."""


class Destinations(Struct):
    """Where a message goes: each INBOX and each remote address once, however often it was named."""

    placements: dict[Placement, None] = {}
    remote: dict[str, QueuedRecipient] = {}
    """By the address's key."""
    successes: dict[str, DsnRecipient] = {}
    """Successes to report once the message is accepted, by recipient."""

    def add_local(self, address: Address, recipient: LocalRecipient, request: DsnRequest) -> None:
        """An address of ours: its INBOXes, and the remote addresses it leads to."""
        self.placements.update(dict.fromkeys(recipient.placements))
        if not recipient.placements and len(recipient.forwards) == 1:
            # RFC 3461 §5.2.7.2: one address in place of another; the last server reports
            self.add_remote(recipient.forwards[0], request.onward(address))
            return
        if request.wants_success:
            self.successes[address.key] = _success(address, recipient, request)
        for forward in recipient.forwards:
            self.add_remote(forward, request.beyond(address))

    def add_remote(self, address: Address, request: DsnRequest) -> None:
        """An address at another provider."""
        self.remote.setdefault(
            address.key,
            QueuedRecipient(str(address), domain_key(address.domain), request.notify, request.original),
        )


def _success(address: Address, recipient: LocalRecipient, request: DsnRequest) -> DsnRecipient:
    several = len(recipient.placements) + len(recipient.forwards) > 1
    action, text = (
        (Action.EXPANDED, "passed on to several addresses") if several else (Action.DELIVERED, "delivered")
    )
    return DsnRecipient(str(address), action, "2.0.0", text, request.original)
