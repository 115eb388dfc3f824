"""What we sign, OpenDKIM verifies."""

import re
from pathlib import Path

import pytest

from pillarbox.mail.header import Header
from tests.interop.programs import run
from tests.interop.test_checks_against_others import messages
from tests.kit.corpora import needs_corpora
from tests.kit.signed_mail import ed25519_key, rsa_key, signed, zone

pytestmark = [pytest.mark.interop, needs_corpora]

KEYS = (rsa_key(), ed25519_key())


def has_author(octets: bytes) -> bool:
    """Without an address in From, OpenDKIM verifies nothing; nor does it, if read from a file, without a last line end."""
    header, _ = Header.parse(octets)
    return b"@" in (header.first("from") or b"")


@pytest.mark.rfc("6376 §5", "MUST")
@pytest.mark.rfc("8463 §3", "MUST")
def test_our_signatures_are_good_and_are_not_where_the_message_was_changed(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(
        "".join(f"{name} {records[0].decode()}\n" for (name, _), records in zone(*KEYS).items())
    )
    configuration = tmp_path / "opendkim.conf"
    configuration.write_text(f"Mode v\nSyslog no\nTestPublicKeys {tmp_path / 'keys'}\n")
    files, texts = [], [octets for octets in messages() if octets.endswith(b"\r\n") and has_author(octets)]
    for place, octets in enumerate(texts):
        good = signed(octets, *KEYS)
        for kind, written in (("good", good), ("bad", good + b"more\r\n")):
            files.append(tmp_path / f"{place}.{kind}")
            files[-1].write_bytes(
                written.replace(b"\r\n", b"\n")
            )  # it reads files with the line ends of Unix
    said = run("opendkim", "-x", configuration, "-vv", "-t", ",".join(map(str, files)), expect=None)
    results = said.stdout.decode().split("### INSHEADER")[1:]
    found = [re.findall(r"dkim=(\w+) .*?header\.a=([\w-]+)", result, re.DOTALL) for result in results]
    assert len(found) == len(files)
    good_one = [("pass", "rsa-sha256"), ("pass", "ed25519-sha256")]
    assert [
        file.name
        for file, each in zip(files, found, strict=True)
        if (each == good_one) is not (file.suffix == ".good")
    ] == []
    assert len(texts) > 100
