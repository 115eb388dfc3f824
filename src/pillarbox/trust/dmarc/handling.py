"""What to do with a message, by its DMARC result, the policy of the author's domain, and our own wish.

The last word is ours (RFC 9989 §5.4); where it differs from the policy, aggregate reports say why. A believed chain
of ARC seals never makes a pass of a failure: it changes what is done (RFC 8617 §7.2.1).
"""

from collections.abc import Container
from enum import StrEnum

from msgspec import Struct

from pillarbox.trust.dmarc.evaluation import Evaluation
from pillarbox.trust.dmarc.record import SEVERITY, Policy
from pillarbox.trust.results import Result


class Mode(StrEnum):
    """How far we follow the policies of others."""

    __hash__ = str.__hash__

    REJECT = "reject"
    """As they ask."""
    QUARANTINE = "quarantine"
    """Nothing is refused: what would be goes to the junk mailbox."""
    MARK = "mark"
    """Only the result is written down."""


class Action(StrEnum):
    """What happens to the message."""

    __hash__ = str.__hash__

    ACCEPT = "accept"
    """As any other message; the result stands in its header."""
    QUARANTINE = "quarantine"
    REJECT = "reject"
    DEFER = "defer"
    """A transient reply: it is tried again, and then more may be known."""


class Chain(Struct, frozen=True, gc=False):
    """A chain of ARC seals that verify (RFC 8617 §5.2), as far as this decision needs it."""

    sealers: tuple[str, ...]
    """The `d=` of its seals, the first instance first."""
    dmarc_passed: bool
    """The first instance says that DMARC passed, for this very author domain, when the message reached it."""


class Disposition(Struct, frozen=True, gc=False, kw_only=True):
    """What to do, and why."""

    action: Action
    policy: Policy = Policy.NONE
    """What is done in the words of reports: `disposition`."""
    override: str = ""
    """Why it is not what the policy asks for: `local_policy`, `policy_test_mode`; empty where it is."""
    comment: str = ""
    """In words: to the override, or to what is done without a policy."""
    reply_code: int = 250
    status: str = ""
    """Enhanced status code (RFC 3463) where the message is refused or deferred."""
    reply: str = ""
    """The text of that reply."""


def decide(
    evaluation: Evaluation,
    mode: Mode,
    *,
    chain: Chain | None = None,
    trusted_sealers: Container[str] = (),
    may_defer: bool = False,
) -> Disposition:
    """What to do with a message.

    `may_defer`: the message is seen for the first time or has not been deferred for long; the caller keeps count, so
    that an uncertainty does not last for ever.
    """
    if evaluation.authors and evaluation.authors.problem:
        return _unclear_author(evaluation.authors.problem, mode)
    if evaluation.result is Result.TEMPERROR:
        return _unknown(evaluation, mode, may_defer=may_defer)
    if evaluation.result is not Result.FAIL:
        return Disposition(action=Action.ACCEPT, comment=evaluation.reason)
    if evaluation.applied is not Policy.NONE and chain and _believed(chain, trusted_sealers):
        comment = f"arc=pass by {', '.join(chain.sealers)}, where dmarc=pass"
        return Disposition(action=Action.ACCEPT, override="local_policy", comment=comment)
    return _failed(evaluation, mode)


def _failed(evaluation: Evaluation, mode: Mode) -> Disposition:
    asked, limit = evaluation.applied, Policy.NONE if mode is Mode.MARK else Policy(mode.value)
    done = asked if SEVERITY[asked] <= SEVERITY[limit] else limit
    if done is not asked:
        override, comment = "local_policy", f"failures are {_DONE[done]} here"
    elif asked is not evaluation.published:
        override, comment = "policy_test_mode", "the policy is under test"
    else:
        override, comment = "", ""
    if done is Policy.REJECT:
        # RFC 9989 §7.2: the word DMARC tells programs what this is about
        return Disposition(
            action=Action.REJECT,
            policy=done,
            reply_code=550,
            status="5.7.1",
            reply=f"Email rejected per DMARC policy for {evaluation.author_domain}",
        )
    action = Action.QUARANTINE if done is Policy.QUARANTINE else Action.ACCEPT
    return Disposition(action=action, policy=done, override=override, comment=comment)


_DONE = {Policy.NONE: "only marked", Policy.QUARANTINE: "not refused", Policy.REJECT: "refused"}


def _unknown(evaluation: Evaluation, mode: Mode, *, may_defer: bool) -> Disposition:
    # RFC 9989 §11.5: beside the domain that is forged may stand one whose name servers never answer in time
    several = evaluation.authors is not None and len(evaluation.authors.domains) > 1
    # §5.3.6: no policy applies. Later it may, and only a refusal is worth the wait.
    if may_defer and mode is Mode.REJECT and (several or evaluation.applied is Policy.REJECT):
        return Disposition(
            action=Action.DEFER,
            comment=evaluation.reason,
            reply_code=451,
            status="4.7.1",
            reply=f"DMARC of {evaluation.author_domain} cannot be determined now: {evaluation.reason}",
        )
    if several:
        return _unclear_author(f"one of several author domains is unknown: {evaluation.reason}", mode)
    return Disposition(action=Action.ACCEPT, comment=evaluation.reason)


def _unclear_author(problem: str, mode: Mode) -> Disposition:
    if mode is Mode.REJECT:
        return Disposition(
            action=Action.REJECT,
            policy=Policy.REJECT,
            override="local_policy",
            comment=problem,
            reply_code=550,
            status="5.7.1",
            reply=f"DMARC cannot be evaluated: {problem}",
        )
    if mode is Mode.QUARANTINE:
        return Disposition(
            action=Action.QUARANTINE, policy=Policy.QUARANTINE, override="local_policy", comment=problem
        )
    return Disposition(action=Action.ACCEPT, comment=problem)


def _believed(chain: Chain, trusted: Container[str]) -> bool:
    # A sealer vouches for what it saw itself: one who is not trusted may have invented all before (RFC 8617 §9.2
    # leaves trust to the receiver)
    return (
        chain.dmarc_passed
        and bool(chain.sealers)
        and all(sealer.lower() in trusted for sealer in chain.sealers)
    )
