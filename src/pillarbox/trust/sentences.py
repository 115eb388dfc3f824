"""What a check found, in one sentence for people who know nothing of SPF and DKIM.

A sentence names the domain and repeats nothing else that a sender may have written.
"""

from typing import Final

from pillarbox.trust.results import MethodResult, Result

_R = Result
_UNDECIDED: Final = {
    _R.TEMPERROR: "This could not be found out in time, because another server did not answer.",
    _R.PERMERROR: "This could not be found out, because what {domain} publishes about it is not valid.",
}
_SENTENCES: Final[dict[str, dict[Result, str]]] = {
    "spf": {
        _R.PASS: "The server that sent this message may send mail for {domain}.",
        _R.FAIL: "The server that sent this message may not send mail for {domain}.",
        _R.SOFTFAIL: "The server that sent this message probably may not send mail for {domain}.",
        _R.NEUTRAL: "The owner of {domain} does not say whether this server may send its mail.",
        _R.NONE: "The owner of {domain} does not say which servers may send its mail.",
        _R.POLICY: "The server may send mail for {domain}, but a rule of this provider does not count that.",
    },
    "dkim": {
        _R.PASS: "This message was signed by {domain} and has not been changed since.",
        _R.FAIL: "This message has a signature of {domain} that does not fit: it was changed on its way, or forged.",
        _R.NEUTRAL: "This message has a signature of {domain} that could not be read.",
        _R.NONE: "This message is not signed.",
        _R.POLICY: "This message has a signature of {domain} that is too weak to count.",
    },
    "dmarc": {
        _R.PASS: "This message really comes from {domain}, as its sender's address says.",
        _R.FAIL: "Nothing shows that this message comes from {domain}, as its sender's address says.",
        _R.NONE: "The owner of {domain} does not say how to tell its mail from forged mail.",
    },
    "arc": {
        _R.PASS: "The servers that passed this message on have recorded what they found, the last one being {domain}.",
        _R.FAIL: "The records of the servers that passed this message on do not fit together.",
        _R.NONE: "No server that passed this message on has recorded what it found.",
    },
    "iprev": {
        _R.PASS: "The server that sent this message is called {domain}, and that name leads back to it.",
        _R.FAIL: "The name of the server that sent this message does not lead back to it.",
    },
    "bimi": {
        _R.PASS: "The image that {domain} has for its mail was checked.",
        _R.FAIL: "The image that {domain} has for its mail could not be checked.",
        _R.NONE: "The owner of {domain} has no image for its mail.",
        _R.DECLINED: "The owner of {domain} does not want an image to be shown.",
        _R.SKIPPED: "No image was looked for, since nothing shows that the message is genuine.",
    },
}
_SHOWN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
_MAX_DOMAIN: Final = 255


def sentence(found: MethodResult) -> str:
    """The sentence; for a method that is not known, what its result is called."""
    of_method = _SENTENCES.get(found.method, {})
    text = of_method.get(found.result) or _UNDECIDED.get(found.result)
    if text is None:
        return f"The result of this check is: {found.result}."
    return text.replace("{domain}", _domain(found.domain))


def _domain(domain: str) -> str:
    """As A-labels; anything else is not repeated."""
    shown = 0 < len(domain) <= _MAX_DOMAIN and _SHOWN.issuperset(domain)
    return domain if shown else "the sender's domain"
