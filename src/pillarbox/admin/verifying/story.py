"""What the checks of a message found, in sentences."""

from collections.abc import Iterator
from typing import Final

from pillarbox.admin.verifying.examining import Examination, Handover
from pillarbox.mail import encoded_word
from pillarbox.mail.header import Header
from pillarbox.mail.visible import visible
from pillarbox.trust.results import Result
from pillarbox.trust.spf import SpfResult

MAX_SHOWN_CHARACTERS: Final = 200
"""Of a text of the message."""
MAX_SIGNATURES: Final = 20
"""Told one by one."""
_COLUMN: Final = 10
_UNKNOWN_CLIENT: Final = (
    "The message does not say by which address it was handed over, so SPF cannot be told. "
    "You can give that: --ip, --helo, --mail-from."
)


def story(header: Header, handover: Handover, found: Examination) -> str:
    """Some lines of text."""
    return "\n".join([*_sender(header, handover), "", *_checks(found), "", _in_short(found)])


def _sender(header: Header, handover: Handover) -> Iterator[str]:
    for name in ("From", "Subject"):
        for value in header.all(name)[:3]:
            yield _row(name, _text(encoded_word.decode(value[: 8 * MAX_SHOWN_CHARACTERS])))
    if "From" not in header:
        yield _row("From", "There is no From field.")
    if handover.mail_from_known:
        path = handover.mail_from
        yield _row(
            "Sender", _text(f"{path.local}@{path.domain}") if path else "nobody: it is a bounce or a notice"
        )
    else:
        yield _row("Sender", "unknown (give it: --mail-from)")
    if handover.ip is None:
        yield _row("Client", _UNKNOWN_CLIENT)
        return
    named = f", which called itself {_text(handover.helo)}" if handover.helo else ""
    by = f" (so says {_text(handover.source)})" if handover.source else ""
    yield _row("Client", f"{handover.ip}{named}{by}")


def _checks(found: Examination) -> Iterator[str]:
    if found.mail_from:
        yield from _spf("SPF", found.mail_from)
    else:
        yield _row("SPF", "unknown: it depends on the client, and on the sender of the envelope")
    null = found.mail_from is not None and found.mail_from.null_sender
    if found.helo and found.helo.result is not Result.NONE and not null:
        yield from _spf("SPF HELO", found.helo)
    for each in found.signatures[:MAX_SIGNATURES]:
        bits = f", {each.key_bits} bits" if each.key_bits and each.algorithm.startswith("rsa") else ""
        what = (
            f"{each.domain or 'no domain'} (selector {each.selector or '?'}, {each.algorithm or '?'}{bits})"
        )
        said = {Result.PASS: "signed it, and it is as it was signed"}.get(each.result, "")
        yield _row("DKIM", _text(f"{each.result}: {what} {said}".rstrip() + _because(each.reason)))
    if not found.signatures:
        yield _row("DKIM", "none: it is not signed")
    elif len(found.signatures) > MAX_SIGNATURES:
        yield _row("", f"and {len(found.signatures) - MAX_SIGNATURES} more signatures")
    yield _row("ARC", _text(_arc(found)))
    yield from _dmarc(found)


def _spf(title: str, found: SpfResult) -> Iterator[str]:
    term = f', by "{found.mechanism}"' if found.mechanism else ""
    yield _row(title, _text(f"{found.result}: {found.reason}{term}"))
    if found.explanation:
        yield _row("", _text(f"{found.domain} says: {found.explanation}"))


def _arc(found: Examination) -> str:
    chain = found.chain
    match chain.result:
        case Result.NONE:
            return "none: nobody who forwarded it has sealed it"
        case Result.PASS:
            remark = (
                "" if chain.covers_from else ", but its newest signature leaves From out, or a second Subject"
            )
            return f"pass: sealed by {', '.join(chain.sealers)}{remark}"
        case _:
            return f"{chain.result}{_because(chain.reason)}"


def _dmarc(found: Examination) -> Iterator[str]:
    dmarc = found.dmarc
    of = f"{dmarc.author_domain}: " if dmarc.author_domain else ""
    yield _row("DMARC", _text(f"{dmarc.result}: {of}{dmarc.reason}"))
    if dmarc.source and dmarc.record:
        tested = f", which is under test: {dmarc.applied} is applied" if dmarc.record.testing else ""
        yield _row("", _text(f"{dmarc.policy_domain} asks for {dmarc.source}={dmarc.published}{tested}"))


def _in_short(found: Examination) -> str:
    dmarc = found.dmarc
    match dmarc.result:
        case Result.PASS:
            return _text(f"In short: {dmarc.author_domain} stands behind this message.")
        case Result.FAIL:
            wish = {
                "none": "asks for nothing to be done about it",
                "quarantine": "wants such a message put aside as spam",
                "reject": "wants such a message refused",
            }[dmarc.applied.value]
            doubt = ", as far as it can be told without SPF" if found.mail_from is None else ""
            return _text(
                f"In short: nothing shows that this message is by {dmarc.author_domain}{doubt}; the domain {wish}."
            )
        case Result.NONE if not dmarc.author_domain:
            return "In short: the message names no author whose domain could stand behind it."
        case Result.NONE:
            passed = [each.domain for each in found.signatures if each.result is Result.PASS]
            if found.mail_from and found.mail_from.result is Result.PASS:
                passed.append(found.mail_from.domain)
            known = (
                f" Known is who handed it over or signed it: {', '.join(dict.fromkeys(passed))}."
                if passed
                else ""
            )
            return _text(
                f"In short: the author's domain has no policy that says who may write in its name.{known}"
            )
        case _:
            return "In short: whether the author's domain stands behind this message cannot be told."


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _row(title: str, text: str) -> str:
    return f"{title:<{_COLUMN}}{text}"


def _text(text: str) -> str:
    """A text of strangers, in one line."""
    shown = visible(text)
    return shown if len(shown) <= 4 * MAX_SHOWN_CHARACTERS else f"{shown[: 4 * MAX_SHOWN_CHARACTERS]}..."
