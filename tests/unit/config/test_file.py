"""The configuration file: what is understood, and what is said of what is not."""

from pathlib import Path

import pytest

from pillarbox.app.configured import endpoints, settings
from pillarbox.app.services import SERVICES, Endpoint
from pillarbox.config.file import parse, read
from pillarbox.config.schema import Config, ConfigWrong, options, sections
from pillarbox.protocol.sasl.client import Credentials
from pillarbox.server.relay.host_finder import Encryption, Host

HERE = Path("/etc/pillarbox/pillarbox.toml")
LEAST = 'hostname = "mail.example.org"\ndomain = "example.org"\n'


def test_two_lines_are_enough() -> None:
    config = parse(LEAST, HERE)
    found = settings(config)

    assert found.hostname == "mail.example.org"
    assert found.primary_domain == "example.org"
    assert found.data == Path("/var/lib/pillarbox")
    assert found.workers == 1
    assert set(endpoints(config)) == set(SERVICES)


def test_registered_ports_are_the_default_and_lmtp_stays_closed() -> None:
    found = endpoints(parse(LEAST, HERE))

    assert found["lmtp"] == ()
    for name, kind in SERVICES.items():
        if name != "lmtp":
            assert found[name] == (Endpoint("0.0.0.0", kind.port), Endpoint("::", kind.port, optional=True))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('hostnam = "a"', "there is no option 'hostnam'. Did you mean 'hostname'?"),
        (LEAST + "smtp = []", "there is no option 'smtp'. It belongs under [listen]."),
        (LEAST + "[listen]\nsmpt = []", "there is no option 'listen.smpt'. Did you mean 'listen.smtp'?"),
        (LEAST + "[listn]", "there is no option 'listn'. Did you mean 'listen'?"),
        (LEAST + "[limits]\nqqq = 1", "there is no option 'limits.qqq'. Known are: message_octets,"),
        ('hostname = "mail.example.org"', "'domain' must be given"),
        (LEAST + "[[certificates]]\nchain = 'a'", "'certificates[0].key' must be given"),
        (LEAST + "workers = 'two'", "'workers': expected a number, got a text in quotes"),
        (LEAST + "workers = 0", "'workers': expected a number >= 1"),
        (LEAST + "data = 3", "'data': expected a path in quotes, got a number"),
        (LEAST + "[listen]\nimap = '*:143'", "'listen.imap': expected a list, got a text in quotes"),
        (LEAST + "x =", "is not TOML"),
        (LEAST + "[listen]\nimap = ['143']", "'143' is not of the form \"host:port\""),
        (LEAST + "[listen]\nimap = ['*:99999']", "'*:99999' is not of the form"),
        (LEAST + "[listen]\nimap = ['localhost:143']", '"127.0.0.1:143"'),
        ('hostname = "mail"\ndomain = "example.org"', "must be a full domain name"),
        ('hostname = "a b"\ndomain = "example.org"', "'hostname': 'a b' is not a domain name"),
        (LEAST + "[resolver]\nservers = ['ns']", "'resolver.servers': 'ns' is not an IP address"),
        (LEAST + "[relay]\nsmart_host = 'relay'", "'relay.smart_host': 'relay' is not of the form"),
        (LEAST + "[relay]\nsmart_host = 'a:25'\nsmart_host_login = 'me'", "needs 'relay.smart_host_password_file'"),
        (
            LEAST + "[relay]\nsmart_host='a:25'\nsmart_host_login='me'\nsmart_host_password_file='/nowhere'",
            "No such file",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_terms_of_the_file(text: str, said: str) -> None:
    def understood() -> None:
        config = parse(text, HERE)
        settings(config)
        endpoints(config)

    with pytest.raises(ConfigWrong) as wrong:
        understood()
    assert said in str(wrong.value)


def test_a_file_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigWrong, match="pillarbox init DOMAIN"):
        read(tmp_path / "none.toml")


def test_paths_are_relative_to_the_file() -> None:
    config = parse(LEAST + "data = 'here'\n[[certificates]]\nchain = 'c'\nkey = '/k'", HERE)

    assert config.data == Path("/etc/pillarbox/here")
    assert config.certificates[0].chain == Path("/etc/pillarbox/c")
    assert config.certificates[0].key == Path("/k")


def test_endpoints_of_single_addresses() -> None:
    text = LEAST + "[listen]\nimap = ['127.0.0.1:1143', '[::1]:1143']"

    assert endpoints(parse(text, HERE))["imap"] == (Endpoint("127.0.0.1", 1143), Endpoint("::1", 1143))


def test_routes_and_a_smart_host_that_one_logs_in_to(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    text = (
        f"{LEAST}[relay]\nsmart_host = 'relay.example.net:465'\nsmart_host_login = 'me'\n"
        "smart_host_password_file = 'password'\nroutes = { 'Example.COM' = '10.0.0.7:26' }"
    )

    found = settings(parse(text, tmp_path / "pillarbox.toml")).routes

    assert found["example.com"] == Host("10.0.0.7", 26, certain=True)
    assert found["*"] == Host(
        "relay.example.net",
        465,
        implicit_tls=True,
        certain=True,
        encryption=Encryption.VERIFIED,
        credentials=Credentials("me", "secret"),
    )


def test_every_option_says_what_it_is() -> None:
    found = [*options(Config), *(one for _, section, _ in sections() for one in options(section))]

    assert all(option.says.sentence.endswith(".") for option in found)
    assert 25 < len(found) < 80


def test_defaults_of_the_file_and_of_the_settings_agree() -> None:
    from pillarbox.app.settings import Settings

    found = settings(parse(LEAST, HERE))
    bare = Settings(hostname="a.b", data=Path(), certificates=(), primary_domain="b")

    for name in ("workers", "message_octets", "recipients", "plain_passwords", "routes", "name_servers"):
        assert getattr(found, name) == getattr(bare, name), name


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("192.0.2.1", ("192.0.2.1", 53)),
        ("192.0.2.1:5353", ("192.0.2.1", 5353)),
        ("2001:db8::1", ("2001:db8::1", 53)),
        ("[2001:db8::1]:5353", ("2001:db8::1", 5353)),
    ],
)
def test_a_name_server_has_an_address_and_may_have_a_port(text: str, server: tuple[str, int]) -> None:
    (found,) = settings(parse(f"{LEAST}[resolver]\nservers = ['{text}']", HERE)).name_servers
    assert (found.address, found.port) == server
