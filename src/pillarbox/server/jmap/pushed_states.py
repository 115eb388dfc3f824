"""The states of all types that clients are told of when an account changes (RFC 8620 §7.1)."""

from pillarbox.directory import identities, vacation
from pillarbox.mail.identifiers import AccountId
from pillarbox.queue import submissions
from pillarbox.server.jmap import quotas
from pillarbox.server.jmap.contacts import states as contact_states
from pillarbox.store import pushed, saved_searches
from pillarbox.world.database import Transaction


def read(
    tx: Transaction, account: AccountId, known: identities.State | None
) -> tuple[dict[str, str], identities.State]:
    """By type, and the state of identities, to be given as `known` the next time.

    Which addresses an account has is looked up anew only where one of its identities has changed: they may be many,
    and nobody is told when they change. An operator's change of a limit is told with the next change of the mail (RFC
    9425 §6). Raises `NoSuchAccount`, `ValuesDamaged`.
    """
    if known is None or known.modseq != identities.modseq(tx, account):
        known = identities.state(tx, account)
    states = {
        **pushed.states(tx, account),
        "Identity": known.text,
        "EmailSubmission": str(submissions.state(tx, account)),
        "VacationResponse": str(vacation.state(tx, account)),
        **contact_states.pushed(tx, account),
        "Quota": quotas.read(tx, account).state,
    }
    searches = saved_searches.state(tx, account)
    if searches.definitions:  # else its client may not know that there is such a type
        states["SavedSearch"] = searches.text
    return states, known
