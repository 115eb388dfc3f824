"""Keying material exporters of a TLS connection (RFC 8446 §7.5), which `ssl` has no method for.

OpenSSL has one, `SSL_export_keying_material`, and needs its own `SSL *`. CPython keeps that pointer in
the object behind `SSLObject`, between the socket and the context. We use it only if the field after it
really is this connection's context; finding that out reads nothing but the object's own octets. On an
interpreter that lays the object out otherwise, or hides OpenSSL's functions, there simply is no exporter,
and SCRAM is offered without -PLUS.
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
    """The `tls-exporter` channel binding (RFC 9266 §2), or `None` where it cannot be had."""
    export, pointer = _export(), _pointer(tls)
    return export(pointer) if export and pointer else None


def _pointer(tls: ssl.SSLObject) -> int | None:
    """OpenSSL's `SSL *` of this connection, if the object is laid out as we know it."""
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
    """OpenSSL's function, from the very library that `ssl` uses; `None` where it cannot be reached."""
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
