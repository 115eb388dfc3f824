"""Address lists of header fields: From, To, Cc and others (RFC 5322 §3.4 and §4.4).

Parsing never fails. What the grammar allows (groups, comments anywhere, quoted strings, source routes, obsolete
phrases with dots) is read as specified; what it does not allow is read as mail programs mean it: encoded words with
commas inside, ";" between addresses, names without addresses, unclosed brackets and quotes. A `NameAddr` without a
domain has `domain == b""`.

Most fields hold only `Name <a@b>`, `"Name" <a@b>` and `a@b`; these are matched by one pattern, the rest is parsed by
`address_tokens`. A property test shows that both give the same result.
"""

import re

from pillarbox.mail.address_tokens import MAX_ADDRESSES, parse_tokens
from pillarbox.mail.name_addr import AddressItem, AddressList, NameAddr


def parse_address_list(value: bytes) -> AddressList:
    """Parse the unfolded body of a field, as far as `address_tokens` allows; never raises."""
    items = AddressList()
    position, end = 0, len(value)
    while position < end and len(items) < MAX_ADDRESSES:
        simple = _SIMPLE(value, position)
        if simple is None:
            others = parse_tokens(value[position:], MAX_ADDRESSES - len(items))
            items += others
            items.cut = others.cut
            return items
        quoted, words, local, domain, bare_local, bare_domain = simple.groups()
        if local is None:
            items.append(NameAddr(None, None, bare_local, bare_domain))
        else:
            items.append(NameAddr(quoted or words, None, local, domain))
        position = simple.end()
    items.cut = position < end
    return items


def mailboxes(items: list[AddressItem]) -> list[NameAddr]:
    """All mailboxes of a list, those inside groups as well."""
    return [member for item in items for member in ((item,) if isinstance(item, NameAddr) else item.members)]


_ATEXT = rb"A-Za-z0-9!#$%&'*+\-/=?^_`{|}~\x80-\xff"
_WORD = rb"[%b.]++" % _ATEXT
_PHRASE = rb"%b(?: %b)*" % (_WORD, _WORD)
_DOT_ATOM = rb"[%b]++(?:\.[%b]++)*" % (_ATEXT, _ATEXT)
_DOMAIN = rb"[A-Za-z0-9\-]++(?:\.[A-Za-z0-9\-]++)*"
_SIMPLE = re.compile(
    rb'[ \t]*+(?:(?:"([^"\\\x00-\x1f\x7f]++)"|(%b))?[ \t]*+<(%b)@(%b)>|(%b)@(%b))[ \t]*+(?:,|\Z)'
    % (_PHRASE, _DOT_ATOM, _DOMAIN, _DOT_ATOM, _DOMAIN)
).match
