"""The auth throttle: login attempts are delayed after failures, without locking the account's owner out.

Failures are counted by account and client together, by client, by network, by account, and by the password that
was tried. Each count halves every ten minutes, and all workers see the same counts. Attempts that share a full count
form a queue, one after another with a growing gap; the gap has a maximum, and an attempt that would wait too long is
rejected unchecked.

The owner cannot be locked out. A client that has logged in to the account before is measured only by its own
failures there. Guessing from other networks can delay a *new* client of the owner by at most the `longest_s` of
`ACCOUNT` and `PASSWORD`, because for these attempts from different clients do not queue behind each other. A right
password is delayed like a wrong one, or the time would show which is which.

A client is an IPv4 address or an IPv6 /64, a network is a /24 or a /48: who rents one server has a /64 for each day,
or thousands. One password tried on many accounts ("spraying") fills no count of an account or, from many addresses, of
a client; it does fill its own. Which password that was is not stored: keys are hashed under a secret of the run.

Guessing from the same client that the owner uses can delay the owner by at most `KNOWN_PAIR.longest_s`:
there attempts do not queue either, or the guesses would keep the owner out. That holds for a client which has logged
in before; a new one, at an address from which somebody guesses without a pause, is refused as long as that lasts.

A password that is right, and lets nobody in because the account has a second factor, is no guess: a program that has
kept it tries it all day. It delays nobody's guesses nor logins, until there are very many (`REFUSED`).

Codes of six digits are another matter: who guesses them knows the password already, and a guess costs nothing. So all
that are tried on an account form one queue, wherever they come from, and each counts before it is checked, or a
thousand at once would be free. At the longest gap, some 2,600 are tried in a day, of which 333,000 are needed on
average. A client that has logged in to the account before has a queue of its own: while somebody guesses from
elsewhere, the owner comes in by such a code from where they were before, and from a new place by a recovery code or a
passkey.

Whose passkey is shown is not known before it is right. Such attempts, and logins that can't be anybody's, have no
account (an empty name): their failures count by client and network only, or strangers would delay each other.

A loopback address counts for no client of its own: a proxy, a webmail or a test may stand for many people, and
one who mistypes must not delay the others.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pillarbox.directory.sign_in.known_clients import is_this_machine, network_key
from pillarbox.world.shared import Tallies, Tally

HALF_LIFE_S = 600.0
"""A count of failures halves in this time."""
MAX_WAIT_S = 60.0
"""An attempt that would have to wait longer is rejected."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How one count turns into a delay: none up to `free` failures, then doubling up to `longest_s`."""

    free: int
    longest_s: float
    queues: bool
    first_s: float = 0.5


PAIR = Rule(free=3, longest_s=30.0, queues=True)
KNOWN_PAIR = Rule(free=10, longest_s=5.0, queues=False)
"""For a client that has logged in to this account before: people mistype, programs retry."""
CLIENT = Rule(free=20, longest_s=30.0, queues=True)
NETWORK = Rule(free=100, longest_s=5.0, queues=True)
"""More than a client's: a provider's users may come from few networks, and some of them mistype."""
ACCOUNT = Rule(free=50, longest_s=3.0, queues=False)
PASSWORD = Rule(free=20, longest_s=20.0, queues=False)
CODE = Rule(free=10, longest_s=60.0, queues=True)
"""Of all one-time codes that strangers try on an account, or one known client, but for the one that is right."""
REFUSED = Rule(free=60, longest_s=2.0, queues=False)
"""For passwords that were right: some programs try at once, and each minute with each of their connections."""


class AuthThrottle:
    """The counts of a provider, which its workers share. `monotonic` gives seconds."""

    def __init__(self, monotonic: Callable[[], float], tallies: Tallies) -> None:
        self._monotonic = monotonic
        self._tallies = tallies

    def admit(self, account: str, client: str, *, known: bool, password: str = "") -> float | None:
        """Seconds this attempt must wait before it is checked, or `None`: reject it.

        `account`: empty where nobody knows yet whose it is. `password`: what is tried, empty where the mechanism does
        not show it.
        """
        now, is_here = self._monotonic(), is_this_machine(client)
        rules: list[tuple[tuple[str, ...], Rule]] = []
        if account:
            rules = [
                (_pair(account, client), KNOWN_PAIR if known or is_here else PAIR),
                (_refused(account, client), REFUSED),
            ]
        if account and not known:
            rules.append((_account(account), ACCOUNT))
        if not known and not is_here:
            rules += [(_client(client), CLIENT), (_network(client), NETWORK), (_password(password), PASSWORD)]
        counted, wait = [], 0.0
        for key, rule in rules:
            tally = self._tallies.get(*key)
            if tally is not None:
                counted.append((key, tally, rule))
                wait = max(wait, _wait(tally, rule, now))
        if wait > MAX_WAIT_S:
            return None
        for key, tally, rule in counted:
            if rule.queues:
                tally.free_at = now + wait
                self._tallies.put(tally, *key)
        return wait

    def admit_code(self, account: str, known: str = "") -> float | None:
        """The same for a one-time code. It counts as wrong until `code_was_right`. `known`: the client, if the account
        knows it, else empty."""
        now, key = self._monotonic(), _code(account, known)
        tally = self._tallies.get(*key) or Tally(0.0, now)
        wait = _wait(tally, CODE, now)
        if wait > MAX_WAIT_S:
            return None
        tally.failures, tally.at, tally.free_at = _decayed(tally, now) + 1, now, now + wait
        self._tallies.put(tally, *key)
        return wait

    def code_was_right(self, account: str, known: str = "") -> None:
        """A one-time code was right: those before it in the same queue do not count any more."""
        self._tallies.forget(*_code(account, known))

    def failed(self, account: str, client: str, *, password: str = "") -> None:
        """An attempt was checked and was wrong."""
        now = self._monotonic()
        keys = [_client(client), _network(client)]
        if account:
            keys += [_pair(account, client), _account(account)]
        if password:
            keys.append(_password(password))
        for key in keys:
            self._count(key, now)

    def refused(self, account: str, client: str) -> None:
        """An attempt was checked and was right, and is not let in all the same."""
        self._count(_refused(account, client), self._monotonic())

    def succeeded(self, account: str, client: str) -> None:
        """An attempt was right: the count of its pair is cleared. The client's other failures stay counted."""
        self._tallies.forget(*_pair(account, client))

    def _count(self, key: tuple[str, ...], now: float) -> None:
        tally = self._tallies.get(*key) or Tally(0.0, now)
        tally.failures, tally.at = _decayed(tally, now) + 1, now
        self._tallies.put(tally, *key)


def _pair(account: str, client: str) -> tuple[str, ...]:
    return "pair", account, client


def _client(client: str) -> tuple[str, ...]:
    return "client", client


def _network(client: str) -> tuple[str, ...]:
    return "network", network_key(client)


def _password(password: str) -> tuple[str, ...]:
    return "password", password


def _code(account: str, known: str) -> tuple[str, ...]:
    return "code", account, known


def _account(account: str) -> tuple[str, ...]:
    return "account", account


def _refused(account: str, client: str) -> tuple[str, ...]:
    return "refused", account, client


def _wait(tally: Tally, rule: Rule, now: float) -> float:
    beyond = _decayed(tally, now) - rule.free
    if beyond < 0:
        return 0.0
    gap = min(rule.longest_s, rule.first_s * 2 ** min(beyond, 16))
    return max(tally.free_at - now, 0.0) + gap if rule.queues else gap


def _decayed(tally: Tally, now: float) -> float:
    failures: float = tally.failures * 0.5 ** ((now - tally.at) / HALF_LIFE_S)
    return failures
