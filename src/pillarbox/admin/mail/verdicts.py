"""What checks found of a message when it came: by whom it is, as far as that could be told."""

from dataclasses import dataclass

from pillarbox.admin.permissions import OPERATOR, may
from pillarbox.mail import object_id
from pillarbox.store import authentication
from pillarbox.trust.results import MethodResult
from pillarbox.world.database import Transaction


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one method, such as SPF."""

    method: str
    result: str
    domain: str
    """Whose statement it is; empty where there is none."""
    reason: str
    """In words."""
    examined: dict[str, str]
    """What was examined, as Authentication-Results names it: `smtp.mailfrom`."""


@may(OPERATOR)
def verdicts(tx: Transaction, ident: str) -> list[Verdict]:
    """Of the message with this id. None where it came before there were checks, from an account, or by a client."""
    email = object_id.email(ident)
    return [] if email is None else [_verdict(found) for found in authentication.of(tx, email)]


def _verdict(found: MethodResult) -> Verdict:
    examined = {f"{each.kind}.{each.name}": each.value for each in found.properties}
    return Verdict(found.method, found.result.value, found.domain, found.reason, examined)
