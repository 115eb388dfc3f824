"""TLS as clients meet it: handshakes in memory against our contexts, on the real OpenSSL."""

import asyncio
import shutil
import ssl
import stat
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest

from pillarbox.world.tls import authority, client
from pillarbox.world.tls.binding import channel_binding, end_point, preferred_kind
from pillarbox.world.tls.exporter import exporter_available
from pillarbox.world.tls.server import CertificateFiles, CertificateUnusable, ServerTls

NOW_MS = 1_790_000_000_000  # while the machine's clock says about the same, for OpenSSL reads that one
NAMES = ["mx.one.example", "one.example"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> authority.DemoCertificates:
    return authority.ensure(tmp_path_factory.mktemp("tls"), NAMES, now_ms=time.time_ns() // 1_000_000)


@dataclass
class Pair:
    """Two ends of one TLS connection in memory."""

    client: ssl.SSLObject
    server: ssl.SSLObject

    def shake_hands(self) -> None:
        """Until both are done. Raises `ssl.SSLError`."""
        waiting = [self.client, self.server]
        for _turn in range(10):
            for end in list(waiting):
                try:
                    end.do_handshake()
                    waiting.remove(end)
                except ssl.SSLWantReadError:
                    pass
        assert not waiting


def connect(
    server: ssl.SSLContext, theirs: ssl.SSLContext, name: str | None, session: ssl.SSLSession | None = None
) -> Pair:
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    pair = Pair(
        theirs.wrap_bio(back, there, server_hostname=name, session=session),
        server.wrap_bio(there, back, server_side=True),
    )
    pair.shake_hands()
    return pair


def trusting(made: authority.DemoCertificates) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=made.authority)


@pytest.mark.rfc("5280 §4.1", "MUST")
@pytest.mark.parametrize("name", [*NAMES, "127.0.0.1", "::1"])
def test_the_demos_certificate_is_good_for_its_names_and_addresses(
    made: authority.DemoCertificates, name: str
) -> None:
    context = trusting(made)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    pair = connect(ServerTls([made.server]).context(), context, name)
    assert pair.client.version() == "TLSv1.3"


@pytest.mark.rfc("6125 §6.4", "MUST")
def test_another_name_is_not_believed(made: authority.DemoCertificates) -> None:
    server = ServerTls([made.server]).context()
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(server, trusting(made), "two.example")
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(server, client.verified(), "one.example")
    assert connect(server, client.verified(made.authority), "one.example").client.version()
    assert connect(server, client.opportunistic(), "two.example").client.version()


def test_the_key_is_private_and_files_are_kept_while_they_fit(tmp_path: Path) -> None:
    first = authority.ensure(tmp_path, NAMES, now_ms=NOW_MS)
    assert stat.S_IMODE(first.server.key.stat().st_mode) == 0o600
    octets = first.server.chain.read_bytes()
    day_ms = 86_400_000
    authority.ensure(tmp_path, ["one.example"], now_ms=NOW_MS + 300 * day_ms)
    assert first.server.chain.read_bytes() == octets
    authority.ensure(tmp_path, NAMES, now_ms=NOW_MS + 390 * day_ms)
    renewed = first.server.chain.read_bytes()
    assert renewed != octets
    authority.ensure(tmp_path, [*NAMES, "new.example"], now_ms=NOW_MS + 390 * day_ms)
    assert first.server.chain.read_bytes() != renewed
    first.server.chain.write_text("not a certificate")
    authority.ensure(tmp_path, NAMES, now_ms=NOW_MS)
    ServerTls([first.server])


@pytest.mark.rfc("9325 §3.1.1", "MUST NOT")
def test_old_versions_are_refused(made: authority.DemoCertificates) -> None:
    old = client.opportunistic.__wrapped__()
    old.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are what we ask for here
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        connect(ServerTls([made.server]).context(), old, "one.example")


@pytest.mark.rfc("9325 §4.2", "SHOULD")
@pytest.mark.parametrize("ciphers", ["AES256-SHA", "AES256-GCM-SHA384", "ECDHE+AES256+SHA384", "DHE"])
def test_ciphers_without_forward_secrecy_or_authentication_are_refused(
    made: authority.DemoCertificates, ciphers: str
) -> None:
    weak = client.opportunistic.__wrapped__()
    weak.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        weak.set_ciphers(ciphers)
    except ssl.SSLError:
        pytest.skip("this OpenSSL has no such cipher")
    if any(cipher["aead"] and cipher["kea"] == "kx-ecdhe" for cipher in weak.get_ciphers()):
        pytest.skip("this OpenSSL understands the name otherwise")
    with pytest.raises(ssl.SSLError):
        connect(ServerTls([made.server]).context(), weak, "one.example")


def test_tls_1_2_is_still_served(made: authority.DemoCertificates) -> None:
    older = trusting(made)
    older.maximum_version = ssl.TLSVersion.TLSv1_2
    pair = connect(ServerTls([made.server]).context(), older, "one.example")
    assert pair.server.version() == "TLSv1.2"
    assert pair.server.compression() is None


@pytest.mark.rfc("9325 §3.4", "SHOULD")
def test_sessions_can_be_resumed(made: authority.DemoCertificates) -> None:
    server = ServerTls([made.server]).context()
    theirs = trusting(made)
    first = connect(server, theirs, "one.example")
    first.server.write(b"x")
    assert first.client.read(1) == b"x"  # tickets arrive with the first octets
    again = connect(server, theirs, "one.example", first.client.session)
    assert again.server.session_reused


@pytest.mark.rfc("6066 §3", "SHOULD")
def test_certificates_are_chosen_by_name_and_exchanged_without_dropping_anybody(tmp_path: Path) -> None:
    now_ms = time.time_ns() // 1_000_000
    one = authority.ensure(tmp_path / "one", ["one.example"], now_ms=now_ms)
    two = authority.ensure(tmp_path / "two", ["two.example", "mx.two.example"], now_ms=now_ms)
    wild = CertificateFiles(two.server.chain, two.server.key, frozenset({"TWO.example", "*.two.example"}))
    tls = ServerTls([one.server, wild])

    def shown(name: str | None) -> bytes | None:
        return connect(tls.context(), client.opportunistic(), name).client.getpeercert(binary_form=True)

    first, second = shown("one.example"), shown("two.example")
    assert first != second
    assert shown("mx.two.example") == second
    assert shown("else.example") == shown(None) == first
    living = connect(tls.context(), client.opportunistic(), "one.example")
    one.authority.unlink()
    authority.ensure(tmp_path / "one", ["one.example"], now_ms=now_ms)
    assert shown("one.example") == first
    tls.reload()
    assert shown("one.example") not in (first, second)
    living.server.write(b"still here")
    assert living.client.read(100) == b"still here"


def test_a_certificate_that_cannot_be_used_leaves_the_old_one(tmp_path: Path) -> None:
    made = authority.ensure(tmp_path, NAMES, now_ms=NOW_MS)
    tls = ServerTls([made.server])
    context = tls.context()
    made.server.chain.write_text("nothing")
    with pytest.raises(CertificateUnusable, match=r"server\.pem"):
        tls.reload()
    assert tls.context() is context
    with pytest.raises(CertificateUnusable):
        ServerTls([made.server])


def test_other_protocols_have_the_same_certificates(tmp_path: Path) -> None:
    made = authority.ensure(tmp_path, NAMES, now_ms=NOW_MS)
    tls = ServerTls([made.server])
    http = tls.speaking("http/1.1")
    assert tls.speaking("http/1.1") is http
    assert tls.speaking("") is tls
    before = tls.context(), http.context()
    kept = made.server.chain.read_text()
    made.server.chain.write_text("nothing")
    with pytest.raises(CertificateUnusable):
        tls.reload()
    assert (tls.context(), http.context()) == before
    made.server.chain.write_text(kept)
    tls.reload()
    assert tls.context() is not before[0]
    assert http.context() is not before[1]
    theirs = trusting(made)
    theirs.set_alpn_protocols(["h2", "http/1.1"])
    assert connect(http.context(), theirs, "one.example").server.selected_alpn_protocol() == "http/1.1"
    assert connect(tls.context(), theirs, "one.example").server.selected_alpn_protocol() is None


@pytest.mark.rfc("7301 §3.2", "SHOULD")
def test_alpn_agrees_on_a_name_and_ignores_others(made: authority.DemoCertificates) -> None:
    server = ServerTls([made.server], alpn="imap").context()
    for offered, agreed in ((["imap"], "imap"), (["http/1.1"], None), ([], None)):
        theirs = trusting(made)
        if offered:
            theirs.set_alpn_protocols(offered)
        assert connect(server, theirs, "one.example").server.selected_alpn_protocol() == agreed


@pytest.mark.rfc("5056 §2.1", "MUST")
@pytest.mark.rfc("9266 §2", "MUST")
def test_both_ends_export_the_same_and_each_connection_its_own(made: authority.DemoCertificates) -> None:
    tls = ServerTls([made.server])
    seen = set()
    for _time in range(3):
        pair = connect(tls.context(), trusting(made), "one.example")
        if not exporter_available(pair.server):
            pytest.skip("this interpreter hides OpenSSL's exporter")
        ours = tls.channel_binding(pair.server, "tls-exporter")
        assert ours == channel_binding(pair.client, "tls-exporter", None)
        assert ours is not None
        assert len(ours) == 32
        seen.add(ours)
    assert len(seen) == 3


@pytest.mark.rfc("5929 §4.1", "MUST")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_end_point_is_the_hash_of_the_certificate(
    made: authority.DemoCertificates, version: ssl.TLSVersion
) -> None:
    import hashlib

    tls = ServerTls([made.server])
    theirs = trusting(made)
    theirs.minimum_version = theirs.maximum_version = version
    pair = connect(tls.context(), theirs, "one.example")
    shown = pair.client.getpeercert(binary_form=True)
    assert shown is not None
    assert tls.channel_binding(pair.server, "tls-server-end-point") == hashlib.sha256(shown).digest()
    assert channel_binding(pair.client, "tls-server-end-point", shown) == hashlib.sha256(shown).digest()
    assert tls.channel_binding(pair.server, "tls-telepathy") is None


def test_tls_unique_only_on_tls_1_2_that_was_not_resumed(made: authority.DemoCertificates) -> None:
    tls = ServerTls([made.server])
    theirs = trusting(made)
    pair = connect(tls.context(), theirs, "one.example")
    assert tls.channel_binding(pair.server, "tls-unique") is None
    theirs.maximum_version = ssl.TLSVersion.TLSv1_2
    first = connect(tls.context(), theirs, "one.example")
    ours = tls.channel_binding(first.server, "tls-unique")
    assert ours is not None
    assert ours == channel_binding(first.client, "tls-unique", None)
    assert tls.channel_binding(first.server, "tls-exporter") is None
    resumed = connect(tls.context(), theirs, "one.example", first.client.session)
    assert resumed.server.session_reused
    assert tls.channel_binding(resumed.server, "tls-unique") is None


def test_without_an_exporter_tls_1_3_binds_to_nothing(
    made: authority.DemoCertificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pillarbox.world.tls import exporter

    monkeypatch.setattr(exporter, "_export", lambda: None)
    tls = ServerTls([made.server])
    pair = connect(tls.context(), trusting(made), "one.example")
    for kind in ("tls-exporter", "tls-server-end-point", "tls-unique"):
        assert tls.channel_binding(pair.server, kind) is None


def test_the_signatures_hash_is_read_from_any_certificate() -> None:
    import datetime as dt
    import hashlib

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import Encoding

    def certificate(
        key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey,
        algorithm: hashes.SHA384 | hashes.SHA512 | None,
    ) -> bytes:
        name = x509.Name([])
        start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        builder = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + dt.timedelta(1))
        return builder.sign(key, algorithm).public_bytes(Encoding.DER)

    elliptic = certificate(ec.generate_private_key(ec.SECP384R1()), hashes.SHA384())
    assert end_point(elliptic) == hashlib.sha384(elliptic).digest()
    plain = certificate(rsa.generate_private_key(65537, 2048), hashes.SHA512())
    assert end_point(plain) == hashlib.sha512(plain).digest()
    assert end_point(certificate(ed25519.Ed25519PrivateKey.generate(), None)) is None
    assert preferred_kind("TLSv1.3") == "tls-exporter"
    assert preferred_kind("TLSv1.2") == "tls-server-end-point"


@pytest.mark.rfc("8446 §7.5", "MUST")
@pytest.mark.rfc("9266 §2", "MUST")
@pytest.mark.interop
def test_openssl_exports_what_we_export(made: authority.DemoCertificates) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    tls = ServerTls([made.server])

    async def scenario() -> tuple[bytes | None, str]:
        ours: list[bytes | None] = []

        async def accept(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            ours.append(tls.channel_binding(writer.get_extra_info("ssl_object"), "tls-exporter"))
            writer.close()

        server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls.context())
        port = server.sockets[0].getsockname()[1]
        arguments = f"s_client -tls1_3 -connect 127.0.0.1:{port} -keymatexportlen 32 -keymatexport"
        process = await asyncio.create_subprocess_exec(
            openssl,
            *arguments.split(),
            "EXPORTER-Channel-Binding",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        said, _errors = await process.communicate()
        server.close()
        return ours[0], said.decode(errors="replace")

    ours, said = asyncio.run(scenario())
    if ours is None:
        pytest.skip("this interpreter hides OpenSSL's exporter")
    assert f"Keying material: {ours.hex().upper()}" in said
