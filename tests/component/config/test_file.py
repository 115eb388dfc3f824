"""The configuration file: what is accepted, and the errors for what is not."""

from pathlib import Path

import pytest

from pillarbox.app.resolved import MAX_MAIL_AUTHORITIES, MAX_MARK_AUTHORITIES, resolve
from pillarbox.config.file import parse, read
from pillarbox.config.schema import Config, ConfigWrong
from pillarbox.protocol.sasl.client import Credentials
from pillarbox.server.relay.host_finder import Encryption, Host
from tests.kit.marks import Issuer

LEAST = 'hostname = "mail.example.org"\ndomain = "example.org"\n'


def test_the_error_of_a_missing_file_names_the_command_that_creates_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigWrong, match="pillarbox init DOMAIN"):
        read(tmp_path / "none.toml")


def test_routes_and_a_smart_host_with_login(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    text = (
        f"{LEAST}[relay]\nsmart_host = 'relay.example.net:465'\nsmart_host_login = 'me'\n"
        "smart_host_password_file = 'password'\nroutes = { 'Example.COM' = '10.0.0.7:26' }"
    )

    found = resolve(parse(text, tmp_path / "pillarbox.toml")).routes

    assert found["example.com"] == Host("10.0.0.7", 26, certain=True)
    assert found["*"] == Host(
        "relay.example.net",
        465,
        implicit_tls=True,
        certain=True,
        encryption=Encryption.VERIFIED,
        credentials=Credentials("me", "secret"),
    )


@pytest.mark.parametrize(
    ("option", "most"), [("bimi_roots", MAX_MARK_AUTHORITIES), ("smime_roots", MAX_MAIL_AUTHORITIES)]
)
def test_roots_of_authorities(tmp_path: Path, option: str, most: int) -> None:
    def resolved(content: bytes | None) -> Config:
        path = tmp_path / "roots.pem"
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        text = f"{LEAST}[authentication]\n{option} = 'roots.pem'"
        return resolve(parse(text, tmp_path / "pillarbox.toml")).config

    root = Issuer("root").pem()
    found = resolved(root + Issuer("other").pem()).authentication
    assert getattr(found, option) == tmp_path / "roots.pem"
    for content, words in (
        (None, "No such file"),
        (b"", "roots.pem"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "roots.pem"),
        (root * (most + 1), f"more than {most}"),
    ):
        with pytest.raises(ConfigWrong, match=f"'authentication.{option}': .*{words}"):
            resolved(content)
