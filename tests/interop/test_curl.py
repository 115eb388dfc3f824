"""curl: IMAP, POP3 and SMTP, in the clear, by STARTTLS and by TLS, the certificate verified."""

import hashlib
from pathlib import Path

import pytest

from tests.interop.demo import Demo, Person
from tests.interop.programs import run

pytestmark = pytest.mark.interop

BODY = b"Subject: by curl\r\n\r\n.one dot\r\n..two\r\nFrom here\r\nlast\r\n"
SECURE = {"imap": "imaps", "pop3": "pop3s", "smtp": "smtps"}


def curl(provider: Demo, person: Person, url: str, *options: str | Path, expect: int | None = 0) -> bytes:
    """What curl writes to its output."""
    done = run(
        "curl", "--silent", "--show-error", "--cacert", provider.authority, "--max-time", "30",
        "--user", f"{person.login}:{person.password}", *options, url, expect=expect,
    )  # fmt: skip
    return done.stdout


def url(provider: Demo, protocol: str, way: str, path: str = "") -> str:
    door = {"imaps": "imaps", "pop3s": "pop3s", "smtps": "submissions", "smtp": "submission"}
    scheme = SECURE[protocol] if way == "tls" else protocol
    return f"{scheme}://localhost:{provider.ports[door.get(scheme, scheme)]}/{path}"


WAYS = {"clear": (), "starttls": ("--ssl-reqd",), "tls": ()}


@pytest.mark.parametrize("way", WAYS)
def test_mail_goes_in_and_out(any_provider: Demo, way: str, tmp_path: Path) -> None:
    provider, person, extra = any_provider, any_provider.newcomer(), WAYS[way]
    if way == "clear" and not provider.plain:
        for protocol in ("imap", "pop3"):
            curl(provider, person, url(provider, protocol, way), expect=67)
        return  # of SMTP, test_passwords.py tests more than curl can
    letter = tmp_path / "letter"
    message = b"From: <%s>\r\n" % person.address.encode() + BODY
    letter.write_bytes(message)
    curl(
        provider, person, url(provider, "smtp", way, "client.example"), *extra,
        "--mail-from", person.address, "--mail-rcpt", person.address, "--upload-file", letter,
    )  # fmt: skip
    by_imap = curl(provider, person, url(provider, "imap", way, "INBOX;MAILINDEX=1"), *extra)
    by_pop3 = curl(provider, person, url(provider, "pop3", way, "1"), *extra)
    assert by_imap == by_pop3
    assert by_imap.endswith(BODY)
    assert by_imap.startswith(b"Return-Path: <%s>\r\n" % person.address.encode())
    assert (
        curl(provider, person, url(provider, "imap", way, "INBOX?SUBJECT%20curl"), *extra)
        == b"* SEARCH 1\r\n"
    )
    assert curl(provider, person, url(provider, "pop3", way), *extra) == b"1 %d\r\n" % len(by_pop3)


def test_a_message_is_put_into_a_folder_and_read_back(any_provider: Demo, tmp_path: Path) -> None:
    provider, person = any_provider, any_provider.newcomer()
    letter = tmp_path / "letter"
    octets = b"Subject: big\r\n\r\n" + b"".join(b"line %d of many\r\n" % number for number in range(50_000))
    letter.write_bytes(octets)
    curl(provider, person, url(provider, "imap", "tls"), "--request", "CREATE Box/Inner")
    curl(provider, person, url(provider, "imap", "tls", "Box/Inner"), "--upload-file", letter)
    read = curl(provider, person, url(provider, "imap", "tls", "Box/Inner;UID=1"))
    assert hashlib.sha256(read).digest() == hashlib.sha256(octets).digest()
    part = curl(
        provider, person, url(provider, "imap", "tls", "Box/Inner;UID=1;SECTION=HEADER.FIELDS%20(Subject)")
    )
    assert part == b"Subject: big\r\n\r\n"
    folders = curl(provider, person, url(provider, "imap", "tls"))
    assert b'"Box/Inner"' in folders
    curl(
        provider, person, url(provider, "imap", "tls", "Box%2FInner"), "--request", "STORE 1 +FLAGS \\Deleted"
    )
    curl(provider, person, url(provider, "imap", "tls", "Box%2FInner"), "--request", "EXPUNGE")
    assert b"EXISTS" not in curl(provider, person, url(provider, "imap", "tls", "Box/Inner;UID=1"), expect=78)


@pytest.mark.parametrize(
    ("protocol", "mechanism", "initial"),
    [
        (protocol, mechanism, initial)
        for protocol in SECURE
        for mechanism in ("PLAIN", "LOGIN")
        for initial in ((), ("--sasl-ir",))
        # RFC 5034 §4 wants an initial response refused where the mechanism has none
        if (protocol, mechanism, initial) != ("pop3", "LOGIN", ("--sasl-ir",))
    ],
)
def test_mechanisms(provider: Demo, protocol: str, mechanism: str, initial: tuple[str, ...]) -> None:
    person = provider.newcomer()
    options = ("--login-options", f"AUTH={mechanism}", *initial)
    curl(provider, person, url(provider, protocol, "tls"), *options)
    wrong = Person(person.address, person.login, "not this")
    curl(provider, wrong, url(provider, protocol, "tls"), *options, expect=67)


def test_the_certificate_is_not_anybodys(provider: Demo) -> None:
    with_none = ("--cacert", "/etc/ssl/certs/ca-certificates.crt")
    curl(provider, provider.newcomer(), url(provider, "imap", "tls"), *with_none, expect=60)
