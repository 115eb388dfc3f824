"""The configuration file: what is accepted, and the errors for what is not."""

from pathlib import Path

import pytest

from pillarbox.app.resolved import resolve
from pillarbox.app.sockets import Endpoint
from pillarbox.config.file import parse
from pillarbox.config.options import options
from pillarbox.config.schema import Config, ConfigWrong, sections
from pillarbox.config.services import SERVICES

HERE = Path("/etc/pillarbox/pillarbox.toml")
LEAST = 'hostname = "mail.example.org"\ndomain = "example.org"\n'


def test_two_lines_are_enough() -> None:
    config = parse(LEAST, HERE)

    assert config.hostname == "mail.example.org"
    assert config.domain == "example.org"
    assert config.data == Path("/var/lib/pillarbox")
    assert config.workers == 1
    assert list(resolve(config).endpoints) == list(SERVICES)


def test_registered_ports_are_the_default_and_lmtp_is_off() -> None:
    found = resolve(parse(LEAST, HERE)).endpoints

    assert found["lmtp"] == ()
    for name, row in SERVICES.items():
        everywhere = (Endpoint("0.0.0.0", row.port), Endpoint("::", row.port, optional=True))
        assert found[name] == (everywhere if row.enabled else ())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('hostnam = "a"', "unknown option 'hostnam'. Did you mean 'hostname'?"),
        (LEAST + "smtp = []", "unknown option 'smtp'. It belongs under [listen]."),
        (LEAST + "[listen]\nsmpt = []", "unknown option 'listen.smpt'. Did you mean 'listen.smtp'?"),
        (LEAST + "[listn]", "unknown option 'listn'. Did you mean 'listen'?"),
        (LEAST + "[limits]\nqqq = 1", "unknown option 'limits.qqq'. Known options: message_octets,"),
        ('hostname = "mail.example.org"', "'domain' is required"),
        (LEAST + "[[certificates]]\nchain = 'a'", "'certificates[0].key' is required"),
        (LEAST + "workers = 'two'", "'workers': expected a number, got a text in quotes"),
        (LEAST + "workers = 0", "'workers': expected a number >= 1"),
        (LEAST + "data = 3", "'data': expected a path in quotes, got a number"),
        (LEAST + "[listen]\nimap = '*:143'", "'listen.imap': expected a list, got a text in quotes"),
        (LEAST + "x =", "is not valid TOML"),
        (LEAST + "[listen]\nimap = ['143']", "'143' is not of the form \"host:port\""),
        (LEAST + "[listen]\nimap = ['*:99999']", "'*:99999' is not of the form"),
        (LEAST + "[listen]\nsmtp = ['*:25']\nimap = ['[::]:25']", ":::25 is that of 'listen.smtp' already"),
        (LEAST + "[relay]\nsmart_host = 'relay.example:0'", "there is no port 0"),
        (LEAST + "[listen]\nimap = ['localhost:143']", '"127.0.0.1:143"'),
        ('hostname = "mail"\ndomain = "example.org"', "must be a full domain name"),
        ('hostname = "a b"\ndomain = "example.org"', "'hostname': 'a b' is not a domain name"),
        (
            LEAST + '[authentication]\ntrusted_sealers = ["*.example.net"]',
            "'authentication.trusted_sealers': '*.example.net' is not a domain name",
        ),
        (LEAST + "[http]\ntrusted_proxies = ['10.0.0.1/8']", "'http.trusted_proxies': 10.0.0.1/8 has host bits set"),
        *(
            (LEAST + f"[http]\nurl = '{url}'", "'http.url': ")
            for url in ("mail.example.org", "ftp://a.example", "https://a.example/x", "https://a:b@a.example",
                        "https://a.example:x", "https://localhost", "https://")
        ),
        (LEAST + "[push]\nallowed_networks = ['10.0.0.1/8']", "'push.allowed_networks': 10.0.0.1/8 has host bits"),
        (LEAST + "[push]\nsubject = 'a@one.example'", "'push.subject': 'a@one.example' is neither a mailto: nor an"),
        (LEAST + "[push]\nsubject = 'mailto:a@localhost'", "'mailto:a@localhost' has a host that is known here only"),
        (LEAST + "[http]\ntrusted_proxies = ['proxy']", "'http.trusted_proxies': 'proxy' does not appear to be"),
        (LEAST + "[resolver]\nservers = ['ns']", "'resolver.servers': 'ns' is not an IP address"),
        (LEAST + "[relay]\nsmart_host = 'relay'", "'relay.smart_host': 'relay' is not of the form"),
        (LEAST + "[relay]\nsmart_host = 'a:25'\nsmart_host_login = 'me'", "needs 'relay.smart_host_password_file'"),
        (
            LEAST + "[relay]\nsmart_host='a:25'\nsmart_host_login='me'\nsmart_host_password_file='/nowhere'",
            "No such file",
        ),
    ],
)  # fmt: skip
def test_errors_are_in_terms_of_the_file(text: str, said: str) -> None:
    def understood() -> None:
        resolve(parse(text, HERE))

    with pytest.raises(ConfigWrong) as wrong:
        understood()
    assert said in str(wrong.value)


def test_paths_are_relative_to_the_file() -> None:
    config = parse(LEAST + "data = 'here'\n[[certificates]]\nchain = 'c'\nkey = '/k'", HERE)

    assert config.data == Path("/etc/pillarbox/here")
    assert config.certificates[0].chain == Path("/etc/pillarbox/c")
    assert config.certificates[0].key == Path("/k")


def test_endpoints_of_single_addresses() -> None:
    text = LEAST + "[listen]\nimap = ['127.0.0.1:1143', '[::1]:1143']"

    assert resolve(parse(text, HERE)).endpoints["imap"] == (
        Endpoint("127.0.0.1", 1143),
        Endpoint("::1", 1143),
    )


def test_every_option_has_a_description() -> None:
    found = [*options(Config), *(one for _, section, _ in sections() for one in options(section))]

    assert all(option.description.sentence.endswith(".") for option in found)
    assert 25 < len(found) < 80


def test_a_configuration_without_a_file_is_that_of_the_smallest_file() -> None:
    assert Config(hostname="mail.example.org", domain="example.org") == parse(LEAST, HERE)


def test_names_are_a_labels_in_lower_case() -> None:
    config = parse('hostname = "Mail.Exämple.org."\ndomain = "EXÄMPLE.org"', HERE)

    assert (config.hostname, config.domain) == ("mail.xn--exmple-cua.org", "xn--exmple-cua.org")


def test_sealers_are_written_as_seals_name_them() -> None:
    config = parse(LEAST + '[authentication]\ntrusted_sealers = ["Lists.Exämple.org.", "a.example"]', HERE)
    assert config.authentication.trusted_sealers == ("lists.xn--exmple-cua.org", "a.example")


def test_the_data_directory_is_where_the_file_says() -> None:
    data = parse(LEAST + "data = 'here'", HERE).data_directory

    assert data.path == Path("/etc/pillarbox/here")
    assert data.database == Path("/etc/pillarbox/here/pillarbox.db")


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
    (found,) = resolve(parse(f"{LEAST}[resolver]\nservers = ['{text}']", HERE)).name_servers
    assert (found.address, found.port) == server


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", ""),
        ("[listen]\nhttps = ['*:443']", "https://mail.example.org"),
        ("[listen]\nhttps = ['*:8443']", "https://mail.example.org:8443"),
        ("[listen]\nhttp = ['127.0.0.1:8080']", "https://mail.example.org"),
        ("[http]\nurl = 'https://Web.Example:444/'", "https://web.example:444"),
    ],
)
def test_where_web_clients_are_served(text: str, url: str) -> None:
    assert parse(LEAST + text, HERE).web_url == url


def test_push_services_may_write_to_the_postmaster_unless_told_otherwise() -> None:
    assert resolve(parse(LEAST, HERE)).config.push_subject == "mailto:postmaster@example.org"
    text = LEAST + "[push]\nsubject = 'https://one.example/contact'"
    assert resolve(parse(text, HERE)).config.push_subject == "https://one.example/contact"
    # Nobody is kept from starting by a domain that Apple does not like
    resolve(parse('hostname = "mail.corp.internal"\ndomain = "corp.internal"\n', HERE))
