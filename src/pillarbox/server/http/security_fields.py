"""Fields of every response, unless a route sets them itself.

No field names the server's version: nobody needs it but those who look for old ones.
"""

from typing import Final

DEFAULTS: Final[tuple[tuple[bytes, bytes], ...]] = (
    # A response is what its type says
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    # Nothing here is a page: a browser that shows it all the same runs and loads nothing
    (
        b"content-security-policy",
        b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    # RFC 9111 §5.2.2.5: what is answered is somebody's mail
    (b"cache-control", b"no-store"),
)
TRANSPORT_SECURITY: Final = (b"strict-transport-security", b"max-age=31536000")
"""RFC 6797: a browser that has seen it uses TLS only, and lets nobody ignore a wrong certificate. So it is sent only
with a certificate that the operator has given us."""

CROSS_ORIGIN: Final[tuple[tuple[bytes, bytes], ...]] = (
    (b"access-control-allow-origin", b"*"),
    (
        b"access-control-expose-headers",
        b"Content-Disposition, Content-Length, Content-Range, ETag, Location, Retry-After, WWW-Authenticate",
    ),
    (b"cross-origin-resource-policy", b"cross-origin"),
)
"""For routes that web applications of other origins use (Fetch standard). `*` never goes with what the browser keeps
for us, such as cookies: an application must have been given a password, and show it with each request."""

PREFLIGHT: Final[tuple[tuple[bytes, bytes], ...]] = (
    # `*` does not stand for Authorization
    (b"access-control-allow-headers", b"Accept, Authorization, Content-Type, Last-Event-ID"),
    (b"access-control-max-age", b"7200"),
)


def without(names: set[bytes], *groups: tuple[tuple[bytes, bytes], ...]) -> list[tuple[bytes, bytes]]:
    """The fields of these groups but for those that there are; where two groups have one, the earlier prevails."""
    taken, fields = set(names), []
    for group in groups:
        fields += [field for field in group if field[0] not in taken]
        taken.update(name for name, _ in group)
    return fields


NAMES: Final = frozenset(name for name, _ in (*DEFAULTS, TRANSPORT_SECURITY, *CROSS_ORIGIN))
