"""Server certificates by name, reloadable without closing connections.

Handshakes take their context from `ServerTls.context`; `reload` reads the files again and installs new contexts for
later handshakes, while open connections keep theirs. If a certificate can't be read, the old one stays in use.
"""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pillarbox.world.tls import harden
from pillarbox.world.tls.binding import channel_binding


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """A certificate with its chain, and its key, as PEM files. `names`: DNS names it is shown for."""

    chain: Path
    key: Path
    names: frozenset[str] = frozenset()


class CertificateUnusable(Exception):
    """A certificate or key can't be read, or they do not match."""


class _Context(ssl.SSLContext):
    """A server context that knows its certificate."""

    certificate: bytes


Contexts = tuple[_Context, dict[str, _Context]]
"""The default, and those of names."""


class ServerTls:
    """The certificates of a server. The first is the default, for clients that ask for another name or none."""

    def __init__(self, certificates: Sequence[CertificateFiles], *, alpn: str | None = None) -> None:
        """Raises `CertificateUnusable`.

        `alpn`: the protocol's name of RFC 7301 §6 (`imap`, `pop3`). A client that proposes only others
        is served all the same: mail clients propose various names.
        """
        assert certificates, "TLS needs a certificate"
        self._certificates = tuple(certificates)
        self._alpn = alpn
        self._default, self._by_name = self.read(self._certificates)
        self._speaking: dict[str, ServerTls] = {}

    def speaking(self, alpn: str) -> "ServerTls":
        """The same certificates for a protocol that is named in TLS, reloaded together with these; for "", these.

        Raises `CertificateUnusable`.
        """
        if not alpn:
            return self
        if alpn not in self._speaking:
            self._speaking[alpn] = ServerTls(self._certificates, alpn=alpn)
        return self._speaking[alpn]

    def context(self) -> ssl.SSLContext:
        """The context for the next handshake."""
        return self._default

    def channel_binding(self, tls: ssl.SSLObject, kind: str) -> bytes | None:
        """Channel binding data of a connection made with one of these contexts (see `binding`)."""
        context = tls.context
        return channel_binding(tls, kind, context.certificate if isinstance(context, _Context) else None)

    def reload(self, certificates: Sequence[CertificateFiles] = ()) -> None:
        """Read the files again, or others instead. Raises `CertificateUnusable`, and changes nothing then."""
        wanted = tuple(certificates) or self._certificates
        others = {alpn: other.read(wanted) for alpn, other in self._speaking.items()}
        self.install(wanted, self.read(wanted))
        for alpn, contexts in others.items():
            self._speaking[alpn].install(wanted, contexts)

    def read(self, certificates: tuple[CertificateFiles, ...]) -> Contexts:
        """Contexts with these certificates. Raises `CertificateUnusable`."""
        contexts = [self._read(files) for files in certificates]
        by_name = {
            name.lower(): context
            for files, context in zip(certificates, contexts, strict=True)
            for name in files.names
        }
        if len(contexts) > 1:
            contexts[0].sni_callback = self._choose
        return contexts[0], by_name

    def install(self, certificates: tuple[CertificateFiles, ...], contexts: Contexts) -> None:
        """Use these for the next handshakes."""
        self._certificates = certificates
        self._default, self._by_name = contexts

    def _read(self, files: CertificateFiles) -> _Context:
        context = _Context(ssl.PROTOCOL_TLS_SERVER)
        harden(context)
        if self._alpn:
            context.set_alpn_protocols([self._alpn])
        try:
            context.load_cert_chain(files.chain, files.key)
            context.certificate = _first_certificate(files.chain.read_text("ascii"))
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise CertificateUnusable(f"{files.chain} with {files.key}: {error}") from error
        return context

    def _choose(self, tls: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        # RFC 6066 §3: an unknown name gets the default certificate; the client decides.
        chosen = self._by_name.get(name.lower()) if name else None
        if chosen is None and name:
            chosen = self._by_name.get("*." + name.lower().partition(".")[2])
        if chosen is not None:
            tls.context = chosen


def _first_certificate(pem: str) -> bytes:
    """The DER of the server's own certificate, which is the first in its chain."""
    begin = pem.index(ssl.PEM_HEADER)
    return ssl.PEM_cert_to_DER_cert(pem[begin : pem.index(ssl.PEM_FOOTER, begin) + len(ssl.PEM_FOOTER)])
