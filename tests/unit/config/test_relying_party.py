"""For what domain passkeys are made, and on which pages they are used."""

from dataclasses import replace
from pathlib import Path

import pytest

from pillarbox.config.file import parse
from pillarbox.config.relying_party import NoPasskeys, RelyingParty, relying_party, why_not
from pillarbox.config.schema import Config, ConfigWrong
from pillarbox.config.sections.http import Http
from pillarbox.config.sections.listen import Listen

HERE = Path("/etc/pillarbox/pillarbox.toml")
LEAST = 'hostname = "mail.example.org"\ndomain = "example.org"\n'


def config(url: str = "", domain: str = "", **others: object) -> Config:
    given = {"listen": Listen(https=("*:443",)), **others}
    return replace(parse(LEAST, HERE), http=Http(url=url, passkey_domain=domain), **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "domain", "party", "origins"),
    [
        ("", "", "mail.example.org", ["https://mail.example.org"]),
        ("https://mail.example.org", "", "mail.example.org", ["https://mail.example.org"]),
        ("https://mail.example.org:443", "", "mail.example.org", ["https://mail.example.org"]),
        # a subdomain, and the apex
        ("https://box.example.org", "example.org", "example.org", ["https://box.example.org", "https://mail.example.org"]),
        ("https://example.org", "", "example.org", ["https://example.org", "https://mail.example.org"]),
        # a port of its own
        (
            "https://mail.example.org:8443", "", "mail.example.org",
            ["https://mail.example.org:8443", "https://mail.example.org"],
        ),
        # pages at the host name are in another domain
        ("https://web.example.net", "", "web.example.net", ["https://web.example.net"]),
        ("https://localhost:8443", "", "localhost", ["https://localhost:8443"]),
    ],
)  # fmt: skip
def test_the_configuration_says_it(url: str, domain: str, party: str, origins: list[str]) -> None:
    found = relying_party(config(url, domain))
    assert isinstance(found, RelyingParty)
    assert (found.id, list(found.origins)) == (party, origins)
    assert all(why_not(found, origin) is None for origin in origins)


@pytest.mark.parametrize(
    ("url", "domain", "why"),
    [
        ("https://127.0.0.1:8443", "", NoPasskeys.ADDRESS),
        ("https://192.168.1.7", "", NoPasskeys.ADDRESS),
        ("https://[::1]", "", NoPasskeys.ADDRESS),
        ("http://mail.example.org", "", NoPasskeys.NO_TLS),
        ("https://mail.example.org", "other.example", NoPasskeys.NOT_IN_DOMAIN),
        ("https://mail.example.org", "ail.example.org", NoPasskeys.NOT_IN_DOMAIN),
        ("https://mail.example.org", "sub.mail.example.org", NoPasskeys.NOT_IN_DOMAIN),
        ("https://mail.example.org", "org", NoPasskeys.NOT_IN_DOMAIN),
    ],
)
def test_or_says_why_there_are_none(url: str, domain: str, why: NoPasskeys) -> None:
    party = relying_party(config(url, domain, listen=Listen(https=())))
    assert party is why
    assert why_not(party, url) is why


def test_without_pages_there_are_none() -> None:
    without = config(listen=Listen(https=(), http=()))
    assert relying_party(without) is NoPasskeys.NO_WEB


@pytest.mark.parametrize(
    ("page", "why"),
    [
        ("http://localhost:8080", None),
        ("https://localhost:8443", None),
        ("http://localhost:8081", NoPasskeys.OTHER_PAGE),
        ("http://127.0.0.1:8080", NoPasskeys.ADDRESS),
        ("https://127.0.0.1:8443", NoPasskeys.ADDRESS),
        ("https://192.168.1.7:8443", NoPasskeys.ADDRESS),
        ("https://[::1]:8443", NoPasskeys.ADDRESS),
        ("https://sub.localhost:8443", NoPasskeys.OTHER_PAGE),
        ("http://one.example:8080", NoPasskeys.NO_TLS),
        ("https://one.example", NoPasskeys.OTHER_PAGE),
    ],
)
def test_pages_of_the_demo(page: str, why: NoPasskeys | None) -> None:
    party = relying_party(config("https://localhost:8443", more_origins=("http://localhost:8080",)))
    assert why_not(party, page) is why


def test_the_domain_in_the_file() -> None:
    text = LEAST + '[http]\nurl = "https://box.example.org"\npasskey_domain = "Example.org."'
    assert parse(text, HERE).http.passkey_domain == "example.org"
    for wrong, said in (
        ("example.net", "'example.net' is neither the host of https://box.example.org nor a domain above it"),
        ("org", "must be a full domain name"),
        ("a b", "is not a domain name"),
    ):
        with pytest.raises(ConfigWrong, match=said):
            parse(text.replace("Example.org.", wrong), HERE)
