"""FLAGS and PERMANENTFLAGS: which keywords there are, sent before a response that has one of them.

RFC 9051 §7.3.5 has FLAGS with SELECT and EXAMINE. Clients take their list of keywords from it, and some drop a keyword
that it does not have; so it is sent again when there is a new one, whoever set it, as other servers do.
"""

from pillarbox.mail.flags import SYSTEM_FLAGS, Keywords
from pillarbox.protocol.imap import response_codes, responses
from pillarbox.protocol.imap.responses import UNTAGGED
from pillarbox.protocol.imap.selected import SelectedMailbox


def flags(keywords: Keywords, *, read_only: bool = False) -> bytes:
    """FLAGS and PERMANENTFLAGS (RFC 9051 §6.3.2)."""
    names = " ".join([*SYSTEM_FLAGS, *keywords])
    text, permanent = ("Read-only mailbox", "") if read_only else ("Flags permitted", names)
    code = response_codes.permanent_flags(permanent, more=not read_only)
    return responses.flags(names) + responses.ok(UNTAGGED, text, code)


def newly_known(selected: SelectedMailbox, keywords: Keywords) -> bytes:
    """The flags again, where this client was not sent all of these keywords; it knows them then."""
    known, selected.keywords = selected.keywords, keywords
    return b"" if keywords <= known else flags(keywords, read_only=selected.read_only)
