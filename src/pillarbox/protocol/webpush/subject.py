"""Whom the operator of a push service may write to about our messages (RFC 8292 §2.1).

Push services differ in how they judge it. Apple's answers 403 with `BadJwtToken` to a bare address, to blanks, and to
`localhost`, and says nothing more; so a subject is looked at before anything is sent.
"""

from typing import Final

from pillarbox.mail.address import Address, InvalidAddress, domain_key
from pillarbox.web.target import UrlRefused, target_of

MAX_OCTETS: Final = 254
_MAILTO: Final = "mailto:"
_HERE_ONLY: Final = frozenset(("localhost", "localdomain", "local", "internal", "invalid", "test"))
"""Last labels of names that lead nobody else anywhere."""


class SubjectRefused(ValueError):
    """Push services would not take it; the text says why, after "the subject"."""


def check(subject: str) -> None:
    """Raises `SubjectRefused` unless it is a `mailto:` or `https:` URL that somebody else can follow."""
    if len(subject) > MAX_OCTETS:
        raise SubjectRefused(f"has more than {MAX_OCTETS} octets")
    if not all("!" <= character <= "~" for character in subject):
        raise SubjectRefused("has blanks or letters that are not ASCII")
    if subject.startswith(_MAILTO):
        host = _host_of_address(subject.removeprefix(_MAILTO))
    elif subject.startswith("https:"):
        try:
            host = target_of(subject).host
        except UrlRefused as refused:
            raise SubjectRefused(f"cannot be followed: {refused}") from None
    else:
        raise SubjectRefused("is neither a mailto: nor an https: URL")
    if "." not in host or host.rpartition(".")[2] in _HERE_ONLY:
        raise SubjectRefused(f"has a host that is known here only: {host}")


def _host_of_address(text: str) -> str:
    try:
        host = domain_key(Address.parse(text).domain)
    except InvalidAddress as invalid:
        raise SubjectRefused(f"has no address: {invalid}") from None
    if host.startswith("[") or host.rpartition(".")[2].isdigit():
        raise SubjectRefused("has an address without a domain")
    return host
