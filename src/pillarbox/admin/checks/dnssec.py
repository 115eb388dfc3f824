"""Checks of the name servers that this machine asks: whether DANE can rely on them."""

from collections.abc import AsyncIterator
from typing import Final

from pillarbox.admin.checks.result import CheckResult, advice, ok, warning
from pillarbox.admin.permissions import OWNER, may
from pillarbox.world.resolver import Resolver
from pillarbox.world.resolver.validation import NAMES, Validation

_VALIDATING: Final = (
    "Run a resolver that validates on this machine (unbound, for instance), and name it in /etc/resolv.conf "
    "or in [resolver] servers."
)
_UNKNOWN: Final = (
    f"Check again once it finds {NAMES.signed}, {NAMES.unsigned} and {NAMES.bogus}. In a network without the Internet "
    "it never will; then what it says is authenticated counts if the path to it is trusted."
)
_REMEDIES: Final = {
    Validation.UNTRUSTED: (
        "Set [resolver] trusted = true if nobody can tamper with the path to it; else run one on this machine."
    ),
    Validation.NOT_VALIDATING: _VALIDATING,
    Validation.DECEPTIVE: _VALIDATING,
}


@may(OWNER)
async def name_servers(resolver: Resolver) -> AsyncIterator[CheckResult]:
    """Check that the name servers validate by DNSSEC, and that what they say of it can be believed."""
    for one in await resolver.examine():
        subject = f"name server {one.server.address}"
        match one.validation:
            case Validation.VALIDATES:
                yield ok(subject, f"it {one.validation}")
            case Validation.UNKNOWN:
                yield advice(subject, f"it {one.validation}", _UNKNOWN)
            case _:
                yield warning(subject, f"it {one.validation}: DANE is off", _REMEDIES[one.validation])
