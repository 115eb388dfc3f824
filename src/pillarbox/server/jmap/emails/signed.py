"""Signatures of emails by S/MIME (RFC 9219): verified when somebody asks, and remembered for a day.

Each is looked at in a thread, while its octets are reserved in the memory budget.
"""

from typing import Final

from pillarbox.mail import query as q
from pillarbox.mail.identifiers import AccountId, EmailId
from pillarbox.protocol.jmap import errors
from pillarbox.protocol.jmap.errors import MethodError
from pillarbox.server.jmap.context import Context
from pillarbox.server.jmap.emails.lists import EmailLists
from pillarbox.server.jmap.emails.reading import EmailReader
from pillarbox.store import email_reading, signature_verdicts
from pillarbox.store.email_reading import Part, Wanted
from pillarbox.store.listing import filters as f
from pillarbox.store.listing import making
from pillarbox.store.listing.current import Kept
from pillarbox.store.listing.lists import NEWEST_FIRST
from pillarbox.store.signature_verdicts import Found
from pillarbox.trust.smime.kinds import VERIFIED, is_smime, may_be_smime
from pillarbox.trust.smime.verification import Verdict, verify

MAX_VERIFIED: Final = 500
"""Signatures that one query verifies. With more of which nothing is known, it asks to be tried again: each time, less
is left to do."""

CONDITIONS: Final = frozenset({"hasVerifiedSmime", "hasVerifiedSmimeAtDelivery"})
"""Of a filter, what needs the verdicts of all emails."""


class SignatureReader:
    """Finds what is to be said of signatures, in one call."""

    def __init__(self, context: Context, account: AccountId) -> None:
        self._context, self._account = context, account
        self._left_octets = context.limits.max_parsed_octets

    async def of(self, found: email_reading.Found, lines: bytes) -> Found | None:
        """Of one email; `None` where it has no signature. `lines`: those of its header that the store keeps.

        Raises requestTooLarge, where too much would have to be read for one call, and `BlobDamaged`.
        """
        if not may_be_smime(lines) or not is_smime(lines):
            return None
        email = found.email.id
        known = (await self._context.world.database.read(signature_verdicts.read, [email])).get(email)
        if known is not None and known.is_fresh(self._context.world.clock.now_ms()):
            return known
        return await self.verified(found)

    async def verified(self, found: email_reading.Found) -> Found | None:
        """The same, looked at anew."""
        context, email = self._context, found.email
        world, first = context.world, self._left_octets == context.limits.max_parsed_octets
        self._left_octets -= email.size
        if self._left_octets < 0 and not first:
            raise errors.request_too_large("Too many signatures have to be verified: ask for fewer emails")
        roots = await context.caches.authorities.get()
        # The message, and what is decoded of it
        with await world.memory.accounts.whole.reserve(2 * email.size):
            octets = await world.database.read_in_thread(world.blobs.read, found.digest, 0, email.size)
            now_ms = world.clock.now_ms()
            verdicts = await world.aside.run(verify, octets, roots, now_ms, email.received_at_ms)
        if verdicts is None:
            return None
        new = _found(*verdicts, now_ms=now_ms)
        kept = await world.database.write(signature_verdicts.keep, self._account, {email.id: new})
        return kept[email.id]

    async def all(
        self, lists: EmailLists, kept: Kept, *, most: int = MAX_VERIFIED
    ) -> dict[str, frozenset[int]]:
        """The emails that match each of `CONDITIONS`. Raises serverUnavailable where that takes longer than one call.

        An email without a verdict is verified first, so that the same emails match whoever has asked before.
        """
        context = self._context
        listed = await lists.get(self._account, kept, f.Matching(q.HasSmime()), NEWEST_FIRST)
        ids = [EmailId(number) for number in making.ids(kept.listed, listed.places)]
        known = await context.world.database.read_in_thread(signature_verdicts.of_account, self._account)
        now_ms = context.world.clock.now_ms()
        unknown = [email for email in ids if email not in known or not known[email].is_fresh(now_ms)]
        reader = EmailReader(context, self._account, Wanted((), Part.NOTHING))
        try:
            async for found in reader.emails(unknown[:most]):
                await context.give_way()
                verdict = await self.verified(found)
                if verdict is not None:
                    known[found.email.id] = verdict
        except MethodError:
            raise _later() from None
        if len(unknown) > most:
            raise _later()
        return {
            "hasVerifiedSmime": frozenset(email for email in ids if _is(known, email, "status")),
            "hasVerifiedSmimeAtDelivery": frozenset(
                email for email in ids if _is(known, email, "at_delivery")
            ),
        }


def _is(known: dict[EmailId, Found], email: EmailId, name: str) -> bool:
    return email in known and getattr(known[email], name) == VERIFIED


def _found(now: Verdict, at_delivery: Verdict, *, now_ms: int) -> Found:
    return Found(now.status, now.errors, at_delivery.status, now_ms)


def _later() -> MethodError:
    return MethodError(errors.SERVER_UNAVAILABLE, "Signatures are still being verified: try again")
