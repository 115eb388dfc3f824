"""Keying material exporters of a TLS connection (RFC 8446 §7.5), which `ssl` does not offer.

OpenSSL has `SSL_export_keying_material`, which needs an `SSL *`. CPython keeps that pointer in the object behind
`SSLObject`, between the socket and the context. It is used only if the field after it is this connection's context;
the check reads only the object's own octets. On an interpreter with another layout, or that hides OpenSSL's
functions, there is no exporter, and SCRAM is offered without -PLUS.
"""

import ssl
import sys
from collections.abc import Callable
from functools import cache

LABEL = b"EXPORTER-Channel-Binding"
"""RFC 9266 §2."""
LENGTH_OCTETS = 32

_Export = Callable[[int], bytes | None]


def exporter_available(tls: ssl.SSLObject) -> bool:
    """Whether `tls_exporter` works with this interpreter."""
    return _export() is not None and _pointer(tls) is not None


def tls_exporter(tls: ssl.SSLObject) -> bytes | None:
    """The `tls-exporter` channel binding (RFC 9266 §2), or `None` if it is not available."""
    export, pointer = _export(), _pointer(tls)
    return export(pointer) if export and pointer else None


def _pointer(tls: ssl.SSLObject) -> int | None:
    """OpenSSL's `SSL *` of this connection, if the object has the expected layout."""
    import ctypes

    inner = getattr(tls, "_sslobj", None)
    if inner is None or sys.implementation.name != "cpython":
        return None
    word = ctypes.sizeof(ctypes.c_void_p)
    # PyObject_HEAD, PyObject *Socket, SSL *ssl, PySSLContext *ctx
    fields = object.__basicsize__ // word
    if type(inner).__basicsize__ < (fields + 3) * word:
        return None
    _socket, pointer, context = (ctypes.c_size_t * 3).from_address(id(inner) + fields * word)
    return int(pointer) if context == id(tls.context) and pointer else None


@cache
def _export() -> _Export | None:
    """OpenSSL's function, from the library that `ssl` uses; `None` if it can't be found."""
    import ctypes

    try:
        import _ssl

        function = ctypes.CDLL(_ssl.__file__).SSL_export_keying_material
    except (ImportError, AttributeError, OSError):
        return None
    function.restype = ctypes.c_int
    function.argtypes = [
        ctypes.c_void_p,
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_int,
    ]

    def export(pointer: int) -> bytes | None:
        out = ctypes.create_string_buffer(LENGTH_OCTETS)
        # RFC 9266 §2: the context value is present, and has no octets.
        done = function(pointer, out, LENGTH_OCTETS, LABEL, len(LABEL), b"", 0, 1)
        return out.raw if done == 1 else None

    return export
