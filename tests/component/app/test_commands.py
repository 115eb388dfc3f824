"""The commands: what they do, print, and refuse."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from pillarbox.admin.checks.result import CheckResult, Level
from pillarbox.app.cli import main
from pillarbox.app.commands import COMMANDS, check
from pillarbox.app.commands.amounts import Duration, Octets, shown
from pillarbox.app.commands.installation import Output, sentence, table
from pillarbox.app.sockets import close, listen_on, ports_of
from pillarbox.directory.naming import NameRefused
from pillarbox.mail.visible import has_hidden
from tests.kit.command_line import CommandLine, set_up


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[CommandLine, dict[str, Any]]:
    return set_up(tmp_path_factory.mktemp("provider"))


@pytest.fixture
def there(made: tuple[CommandLine, dict[str, Any]]) -> CommandLine:
    return made[0]


def commands(command: click.Command, words: tuple[str, ...]) -> list[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(command, click.Group):
        return [(words, command)]
    context = click.Context(command)
    found = [(name, command.get_command(context, name)) for name in command.list_commands(context)]
    return [(words, command), *(one for name, sub in found if sub for one in commands(sub, (*words, name)))]


ALL = commands(main, ())


@pytest.mark.parametrize("words", [words for words, _ in ALL], ids=" ".join)
def test_every_command_has_help(there: CommandLine, words: tuple[str, ...]) -> None:
    text = there.text(*words, "--help")

    assert "Usage: " in text
    assert dict(ALL)[words].help, "a command says what it does"


@pytest.mark.parametrize("words", [words for words, command in ALL if not isinstance(command, click.Group)])
def test_every_command_on_an_installation_has_json_output(words: tuple[str, ...]) -> None:
    names = {name for option in dict(ALL)[words].params for name in option.opts}

    assert "--json" in names or words in [("demo",), ("completion",), ("config", "example")]


def test_help_loads_no_heavy_modules() -> None:
    program = (
        "import sys\nfrom click.testing import CliRunner\nfrom pillarbox.app.cli import main\n"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0\n"
        "print([n for n in sys.modules if n.split('.')[0] in ('apsw', 'uvloop', 'msgspec', 'cryptography', 'rich')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": "src"},
    )
    assert done.stdout == "[]\n"


def test_an_unknown_command_suggests_the_nearest_one(there: CommandLine) -> None:
    assert "Did you mean 'account'?" in there.refused("acount", code=2)
    assert "See: pillarbox --help" in there.refused("xyzzy", code=2)


def test_an_option_before_the_command_is_told_where_it_belongs() -> None:
    done = CliRunner().invoke(main, ["--config", "x.toml", "status"])
    assert done.exit_code == 2
    assert "No such option '--config'. Options follow the command: " in done.output
    assert "Did you mean '--help'?" in CliRunner().invoke(main, ["--hlp"]).output


def test_the_table_has_all_commands() -> None:
    assert set(COMMANDS) >= {"demo", "init", "serve", "check", "domain", "account", "alias", "group"}


def test_init_creates_an_installation_and_prints_what_to_do(made: tuple[CommandLine, dict[str, Any]]) -> None:
    there, said = made

    assert len(there.config.read_text().splitlines()) <= 15
    assert there.data.stat().st_mode & 0o777 == 0o700
    assert said["account"] == "anna@example.org"
    assert len(said["password"]) == 24
    kinds = {(record["name"], record["kind"]) for record in said["dns"]}
    assert kinds >= {("example.org", "MX"), ("example.org", "TXT"), ("_dmarc.example.org", "TXT")}
    assert there.json("account", "show", "anna")["enabled"]


def test_init_overwrites_nothing(there: CommandLine, tmp_path: Path) -> None:
    assert "already exists" in there.refused("init", "other.example", "--user", "root")
    other = CommandLine(tmp_path / "p.toml", there.data)
    assert "Directory not empty" in other.refused(
        "init", "o.example", "--user", "root", "--data", str(there.data)
    )
    assert not other.config.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["init", "not a domain", "--user", "root"], "not a domain"),
        (["init", "x.example", "--account", "a b", "--user", "root"], "a b@x.example"),
        (["init", "x.example", "--user", "root", "--certificate", "/no", "/no"], "/no"),
    ],
)
def test_init_fails_before_it_has_created_anything(tmp_path: Path, words: list[str], said: str) -> None:
    other = CommandLine(tmp_path / "p.toml", tmp_path / "d")
    assert said in other.refused(*words, "--data", str(other.data))
    assert list(tmp_path.iterdir()) == []


def test_the_error_of_a_missing_configuration_names_init(tmp_path: Path) -> None:
    other = CommandLine(tmp_path / "p.toml", tmp_path / "d")
    assert "pillarbox init DOMAIN" in other.refused("account", "list")
    assert "error" in json.loads(other.refused("account", "list", "--json"))
    other.config.write_text('hostname = "a.example"\ndomain = "example"\n')
    assert f"{other.config}: 'domain'" in (said := other.refused("account", "list"))
    assert "must be a full domain name" in said


def test_accounts(there: CommandLine) -> None:
    made = there.json("account", "add", "bob@example.org", "--name", "Bob", "--quota", "5G")
    assert set(made) == {"login", "password"}
    assert there.json("account", "show", "bob") == {
        "login": "bob@example.org",
        "name": "Bob",
        "enabled": True,
        "addresses": ["bob@example.org"],
        "quota_octets": 5 << 30,
        "used_octets": 0,
        "messages": 0,
        "app_passwords": 0,
    }
    assert there.json("account", "quota", "bob", "unlimited")["quota_octets"] is None
    assert "robert@example.org" in there.text("account", "address", "bob", "robert@example.org")
    assert "robert" not in there.text("account", "address", "bob", "robert@example.org", "--remove")
    assert "disabled" in there.text("account", "disable", "bob") + there.text("account", "list")
    there.text("account", "enable", "bob")
    assert "Bob" in there.text("account", "list", "--domain", "example.org")
    assert "Nothing deleted" in there.run("account", "remove", "bob", typed="n\n").output
    assert there.json("account", "remove", "bob", "--yes")["removed"] == "bob@example.org"
    assert "there is no account 'bob'" in there.refused("account", "show", "bob").lower()


def test_a_password_is_generated_or_given_but_never_an_argument(there: CommandLine) -> None:
    there.text("account", "add", "eve@example.org", "--password-stdin", typed="one two three\n")
    assert "password" not in there.json("account", "password", "eve", "--password-stdin", typed="four five\n")
    assert len(there.json("account", "password", "eve")["password"]) == 24
    assert "password" not in there.json("account", "password", "eve", "--ask", typed="six seven\nsix seven\n")
    short = there.refused("account", "password", "eve", "--password-stdin", typed="1234567\n")
    assert "it needs 8 characters" in short
    there.refused("account", "password", "eve", "--ask", "--password-stdin", code=2, typed="")
    assert "empty" in there.run("account", "password", "eve", "--password-stdin", typed="\n").output


def test_domains(there: CommandLine) -> None:
    there.text("domain", "add", "two.example", "--quota", "1G")
    there.text("domain", "add", "zwei.example", "--alias-of", "two.example")
    there.text("account", "add", "pat@two.example")
    there.text("domain", "set", "two.example", "--separator", "-", "--postmaster", "anna")
    found = {one["name"]: one for one in there.json("domain", "list")}
    assert found["two.example"] == {
        "name": "two.example",
        "alias_of": None,
        "separator": "-",
        "quota_octets": 1 << 30,
        "postmaster": "anna@example.org",
        "accounts": 1,
        "aliases": 0,
    }
    assert found["zwei.example"]["alias_of"] == "two.example"
    assert "still has" in there.refused("domain", "remove", "two.example")
    there.text("domain", "remove", "zwei.example")
    assert "already served" in there.refused("domain", "add", "two.example")
    assert "not served" in there.refused("domain", "set", "nine.example", "--quota", "1G")


def test_aliases_and_a_catch_all(there: CommandLine) -> None:
    there.text("alias", "add", "info@example.org", "anna@example.org", "x@elsewhere.example")
    there.text("alias", "add", "@example.org", "anna@example.org", "--receive-only")
    there.text("alias", "set", "info@example.org", "anna@example.org")
    assert there.json("alias", "list", "--domain", "example.org") == [
        {"address": "@example.org", "targets": ["anna@example.org"], "may_send": False},
        {"address": "info@example.org", "targets": ["anna@example.org"], "may_send": True},
    ]
    assert "already in use" in there.refused("alias", "add", "info@example.org", "a@b.example")
    there.text("alias", "remove", "@example.org")
    assert "there is no alias" in there.refused("alias", "remove", "@example.org").lower()


def test_groups(there: CommandLine) -> None:
    there.text("account", "add", "kim@example.org")
    there.text("group", "add", "Staff", "staff@example.org", "anna")
    there.text("group", "join", "Staff", "kim")
    assert there.json("group", "list") == [
        {"name": "Staff", "address": "staff@example.org", "members": ["anna@example.org", "kim@example.org"]}
    ]
    there.text("group", "leave", "Staff", "anna")
    assert "anna" not in there.text("group", "list")
    there.text("group", "remove", "Staff")
    assert there.json("group", "list") == []
    assert "no group 'Staff'" in there.refused("group", "join", "Staff", "anna")


def test_app_passwords_are_shown_once_and_can_be_revoked(there: CommandLine) -> None:
    made = there.json("app-password", "add", "anna", "phone", "--scope", "imap", "--expires-in", "90d")
    listed = there.text("app-password", "list", "anna")
    assert "phone" in listed
    assert "imap" in listed
    assert made["password"] not in listed
    there.text("app-password", "revoke", "anna", str(made["id"]))
    assert there.json("app-password", "list", "anna") == []
    assert "no app password" in there.refused("app-password", "revoke", "anna", "99")


def test_devices_and_sign_ins_are_listed(there: CommandLine) -> None:
    assert there.json("account", "sign-ins", "anna") == there.json("account", "devices", "anna") == []
    assert there.text("account", "sign-ins", "anna", "--failed").split()[:3] == ["LAST", "FIRST", "TIMES"]
    assert there.text("account", "devices", "anna").split()[:2] == ["ID", "DEVICE"]
    assert there.json("account", "notify", "anna", "off")["notify"] == "off"
    assert "is on: anna" in there.text("account", "notify", "anna", "on")
    for verb in ("--end", "--forget"):
        assert "has no device 7" in there.refused("account", "devices", "anna", verb, "7")
    there.refused("account", "devices", "anna", "--end", "7", "--forget", "7", code=2)
    for words in (("sign-ins", "nobody"), ("devices", "nobody"), ("notify", "nobody", "on")):
        assert "nobody" in there.refused("account", *words)


def test_app_passwords_can_be_limited(there: CommandLine) -> None:
    limits = ("--read-only", "--network", "192.0.2.0/24", "--network", "2001:db8::7", "--scope", "dav")
    made = there.json("app-password", "add", "anna", "phone", *limits, "--scope", "imap")
    there.text("app-password", "add", "anna", "laptop")
    phone, laptop = there.json("app-password", "list", "anna")
    assert phone["networks"] == ["192.0.2.0/24", "2001:db8::7/128"]
    assert (phone["id"], phone["read_only"], sorted(phone["scopes"])) == (made["id"], True, ["dav", "imap"])
    assert (laptop["read_only"], laptop["networks"], laptop["scopes"]) == (False, [], ["mail"])
    assert (phone["last_used_at_ms"], phone["last_used_address"], phone["last_used_scope"]) == (None,) * 3
    heads, first, second = there.text("app-password", "list", "anna").splitlines()
    assert heads.split() == [
        *("ID", "NAME", "SCOPES", "ACCESS", "NETWORKS", "CREATED", "EXPIRES", "LAST", "USED", "FROM", "BY")
    ]
    assert "dav imap  read-only  192.0.2.0/24 2001:db8::7/128" in first
    assert second.split()[3:5] == ["all", "any"]
    refused = there.refused("app-password", "add", "anna", "x", "--network", "192.0.2.7/24")
    assert "write 192.0.2.0/24, or 192.0.2.7" in refused
    assert "not a network" in there.refused("app-password", "add", "anna", "x", "--network", "home")
    many = [part for number in range(21) for part in ("--network", f"192.0.2.{number}")]
    assert "at most 20" in there.refused("app-password", "add", "anna", "x", *many)
    assert len(there.json("app-password", "list", "anna")) == 2


def test_usage_errors_have_their_own_exit_code(there: CommandLine) -> None:
    there.refused("account", "add", code=2)
    there.refused("account", "quota", "anna", code=2)
    assert "Write 500M, 5G" in there.refused("account", "quota", "anna", "much", code=2)
    there.refused("app-password", "add", "anna", "x", "--expires-in", "soon", code=2)


def test_config_show_prints_the_options_in_effect(there: CommandLine, tmp_path: Path) -> None:
    text = there.text("config", "show")
    again = tmp_path / "again.toml"
    again.write_text(text)
    assert CommandLine(again, there.data).text("config", "show") == text
    shown = there.json("config", "show")
    assert shown["domain"] == "example.org"
    assert "local_names" not in shown, "no option of the file"
    assert 'hostname = "mail.example.org"' in there.text("config", "example")


@pytest.mark.parametrize(
    ("text", "octets"),
    [("unlimited", 0), ("12 B", 12), ("0.5b", 1), ("1k", 1024), ("1.5 GiB", 3 << 29), ("2TB", 2 << 40)],
)  # fmt: skip
def test_sizes(text: str, octets: int) -> None:
    assert Octets().convert(text, None, None) == octets


@pytest.mark.parametrize(
    ("kind", "text", "why"),
    [
        (Octets(), "5", "Write 5M, 5G, or unlimited"),
        (Octets(), "0", "write unlimited"),
        (Octets(), "0M", "write unlimited"),
        (Octets(), "9" * 400 + "T", "more than any disk has"),
        (Octets(), "٣G", "is not a size"),
        (Octets(), "-1G", "is not a size"),
        (Duration(), "0d", "one hour to a hundred years"),
        (Duration(), "101y", "one hour to a hundred years"),
        (Duration(), "9" * 400 + "y", "one hour to a hundred years"),
        (Duration(), "٣d", "is not a duration"),
    ],
)
def test_amounts_without_sense_are_refused(kind: Octets | Duration, text: str, why: str) -> None:
    with pytest.raises(click.BadParameter, match=why):
        kind.convert(text, None, None)


def test_what_would_change_nothing_or_has_two_meanings_is_refused(there: CommandLine) -> None:
    assert "--quota" in there.refused("domain", "set", "example.org", code=2)
    there.refused("domain", "add", "drei.example", "--alias-of", "example.org", "--quota", "1G", code=2)
    there.refused("app-password", "add", "anna", "x", "--expires-in", "0d", code=2)
    there.text("app-password", "add", "anna", "Thunderbird at home")
    assert "already" in there.refused("app-password", "add", "anna", "Thunderbird at home")
    assert "needs a name" in there.refused("app-password", "add", "anna", " ")
    there.refused("app-password", "revoke", "anna", "9" * 30, code=2)
    there.text("group", "add", "crew", "crew@example.org")
    assert "no member" in there.refused("group", "leave", "crew", "anna")
    assert "not served here" in there.refused("account", "list", "--domain", "nowhere.example")


def test_the_records_that_init_prints_have_the_ports_in_use(tmp_path: Path) -> None:
    made, said = set_up(tmp_path, "--ports-from", "3500")
    listen = tomllib.loads(made.config.read_text())["listen"]
    values = {record["name"]: record["value"] for record in said["dns"]}
    for name in ("imaps", "submissions"):
        port = listen[name][0].rpartition(":")[2]
        assert values[f"_{name}._tcp.example.org"] == f"0 1 {port} mail.example.org."


def test_an_error_that_begins_with_a_name_keeps_its_case(tmp_path: Path) -> None:
    said = {
        text: sentence(NameRefused(text)) for text in ("ce.toml: bad", "mail.example is bad", "anna: bad")
    }
    assert list(said) == list(said.values())
    assert sentence(NameRefused("there is no account")) == "There is no account"


def test_sizes_and_durations_as_text() -> None:
    assert [shown(octets) for octets in (None, 0, 1023, 1536, 500 << 20, 3 << 30, 5 << 40)] == [
        "unlimited", "0 B", "1023 B", "1.5 KiB", "500 MiB", "3.0 GiB", "5.0 TiB",
    ]  # fmt: skip
    assert Duration().convert("2w", None, None) == 14 * 24 * 3_600_000


def test_listening_on_a_port_in_use_says_which() -> None:
    sockets = listen_on("127.0.0.1", {"smtp": 0})
    try:
        port = ports_of(sockets)["smtp"]
        with pytest.raises(OSError, match=f"smtp: 127.0.0.1 port {port}: Address already in use"):
            listen_on("127.0.0.1", {"imap": 0, "smtp": port})
    finally:
        close(sockets)


def test_a_port_in_use_is_reported(there: CommandLine) -> None:
    sockets = listen_on("127.0.0.1", {"smtp": 0})
    try:
        port = ports_of(sockets)["smtp"]
        text = there.config.read_text()
        there.config.write_text(f'{text}\n[listen]\nsmtp = ["127.0.0.1:{port}"]\n')
        assert f"ss -ltnp 'sport = :{port}'" in there.refused("serve")
    finally:
        there.config.write_text(text)
        close(sockets)


HIDING = "a\x1b[2Jb\u202ec"


def test_nothing_that_is_printed_hides(there: CommandLine, capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=False)
    output.show(None, table(("NAME",), [[f"x\n{HIDING}"], ["y"]]))
    assert capsys.readouterr().out == "NAME\nx\\x0aa\\x1b[2Jb\\u202ec\ny\n"
    Output(as_json=True).show({"name": HIDING + "\udc80"}, "")
    printed = capsys.readouterr().out
    assert not has_hidden(printed.replace("\n", ""))
    assert json.loads(printed) == {"name": HIDING + "\udc80"}
    with pytest.raises(SystemExit):
        output.fail(f"No such mailbox: {HIDING}")
    assert capsys.readouterr().err == "Error: No such mailbox: a\\x1b[2Jb\\u202ec\n"


@pytest.mark.parametrize("hidden", ["\x9b", "\u202e", "\u2066", "\u200f"])
def test_no_name_is_taken_that_would_look_like_another(there: CommandLine, hidden: str) -> None:
    for words in (
        ("account", "add", f"a{hidden}@example.org"),
        ("alias", "add", f"a{hidden}@example.org", "anna@example.org"),
        ("alias", "add", "odd@example.org", f"a{hidden}@elsewhere.example"),
        ("domain", "add", f"a{hidden}.example"),
        ("group", "add", f"a{hidden}", "group@example.org"),
        ("group", "add", "odd", f"a{hidden}@example.org"),
        ("account", "add", "odd@example.org", "--name", f"a{hidden}"),
        ("app-password", "add", "anna@example.org", f"a{hidden}"),
    ):
        said = there.refused(*words)
        assert said.startswith("Error: '"), words
        assert not has_hidden(said.replace("\n", ""))


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        ((Level.PROBLEM,), "1 problem"),
        ((Level.WARNING, Level.PROBLEM, Level.WARNING), "1 problem and 2 warnings"),
        ((Level.WARNING,), "1 warning"),
    ],
)
def test_check_counts_warnings_apart_from_problems(levels: tuple[Level, ...], said: str) -> None:
    assert check.counts([CheckResult(level, "a", "b") for level in levels]) == said
