"""What a browser sends because some other site has made it: none of it counts by a cookie.

A browser adds cookies to whatever any page asks of us. So a request that a cookie is to speak for has to show that a
page of ours has made it: by a field that neither a form nor a link can add, and by what the browser itself says of
where the request comes from (`Origin`, RFC 6454 §7; `Sec-Fetch-*`, W3C Fetch Metadata), which no page can change.
"""

from typing import Final

from pillarbox.protocol.http.events import Head
from pillarbox.protocol.http.problem import Problem
from pillarbox.server.http.refusals import Refused

FIELD: Final = b"x-pillarbox"
"""`X-Pillarbox: 1`: with what changes something. Pages of other origins can send it only if we allow it beforehand
(CORS), which we do not."""
FOREIGN: Final = Problem(403, "A sign-in counts only for pages of this server.", "urn:pillarbox:other-site")
NO_FIELD: Final = Problem(
    403, "Requests of a page need the field X-Pillarbox: 1.", "urn:pillarbox:field-missing"
)
_READING: Final = ("GET", "HEAD")
_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


def origin(scheme: str, authority: str) -> str:
    """An origin as browsers write it: without the port that the scheme has anyway."""
    return f"{scheme}://{authority.removesuffix(_DEFAULT_PORTS.get(scheme, ''))}".lower()


def check(head: Head, ours: str, *, websocket: bool = False) -> None:
    """Whether a cookie may speak for a request that is no page's own address. Raises `Refused`.

    `ours`: the origin that was asked, once it is known to be ours.
    """
    asking = _asking(head)
    if asking not in (None, ours):
        raise Refused(FOREIGN)
    if head.method in _READING:
        # RFC 6455 §10.2: every browser says whose page opens a WebSocket, and nothing stops another site's
        if _site(head) not in (b"", b"same-origin", b"none") or (websocket and asking is None):
            raise Refused(FOREIGN)
        return
    if _site(head) not in (b"", b"same-origin"):
        raise Refused(FOREIGN)
    if head.field(FIELD) != b"1":
        raise Refused(NO_FIELD)


def check_page(head: Head, ours: str, *, has_cookie: bool) -> None:
    """The same for pages. People come to them from everywhere, by links; what they send comes from forms, which can add
    no field, and must be ours, cookie or not: nobody is to be signed in as somebody else. Raises `Refused`."""
    asking, site = _asking(head), _site(head)
    if head.method not in _READING:
        if asking != ours or site not in (b"", b"same-origin"):
            raise Refused(FOREIGN)
    elif has_cookie:
        is_visit = (
            head.field(b"sec-fetch-mode") == b"navigate" and head.field(b"sec-fetch-dest") == b"document"
        )
        if asking not in (None, ours) or (site in (b"cross-site", b"same-site") and not is_visit):
            raise Refused(FOREIGN)


def is_of_page(head: Head) -> bool:
    """Whether a page in a browser asks, rather than a program: the browser would ask for name and password by itself,
    over the page."""
    return any(name == FIELD or name.startswith(b"sec-fetch-") for name, _ in head.fields)


def _asking(head: Head) -> str | None:
    """Whose page asks; None where the browser does not say. Several fields are nobody's."""
    told = [value for name, value in head.fields if name == b"origin"]
    if not told:
        return None
    return told[0].decode("latin-1").lower() if len(told) == 1 else "null"


def _site(head: Head) -> bytes:
    return head.field(b"sec-fetch-site").strip().lower()
