"""What checks found of a message when it came, as its client has it."""

from collections.abc import Sequence
from typing import Any, Final

from pillarbox.trust.results import MethodResult, Result
from pillarbox.trust.sentences import sentence

ONCE: Final = ("spf", "dmarc", "arc", "iprev", "bimi")
"""Methods that have one result; of `dkim` there is one for each signature."""
MAX_TEXT: Final = 500
"""Characters of what others may have written."""


def told(results: Sequence[MethodResult]) -> dict[str, Any] | None:
    """All results by their method; None where nothing was checked."""
    if not results:
        return None
    found: dict[str, Any] = dict.fromkeys(ONCE)
    found["dkim"] = [_verdict(one) for one in results if one.method == "dkim"]
    for one in results:
        if one.method in ONCE and found[one.method] is None:
            found[one.method] = _verdict(one)
    return found


def name_of_client(results: Sequence[MethodResult]) -> str | None:
    """The name of the client's address, where it leads back to it."""
    for one in results:
        if one.method == "iprev" and one.result is Result.PASS:
            return one.domain or None
    return None


def _verdict(one: MethodResult) -> dict[str, Any]:
    return {
        "result": one.result.value,
        "domain": one.domain or None,
        "text": sentence(one),
        "reason": one.reason[:MAX_TEXT] or None,
        "examined": {f"{each.kind}.{each.name}": each.value[:MAX_TEXT] for each in one.properties},
    }
