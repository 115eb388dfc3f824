"""The webmail's shell and files, as a browser asks for them."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from pillarbox.server.http.routes import ROUTES as ALL
from pillarbox.server.webmail.built import BuiltFile, read
from pillarbox.server.webmail.routes import ROUTES, Webmail, policy
from tests.kit.http.pages import Page, Person
from tests.kit.http.server import open_http
from tests.kit.server import Server

SHELL = b"<!doctype html><title>Mail</title>"
SCRIPT = b"console.log('mail');\n" * 50
PAGES = ["/mail", "/mail/inbox/T1", "/mail/search?q=a+b", "/compose/M1", "/settings/keys"]
OTHERS = tuple(route for route in ALL if route not in ROUTES)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "webmail").mkdir()
    (tmp_path / "index.html").write_bytes(SHELL)
    (tmp_path / "webmail" / "index-a1b2.js").write_bytes(SCRIPT)
    (tmp_path / "webmail" / "index-a1b2.js.gz").write_bytes(gzip.compress(SCRIPT))
    (tmp_path / "webmail" / "mark-c3.svg").write_bytes(b"<svg/>")
    (tmp_path / "source").write_text("digest")
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    with open_http(*OTHERS, *Webmail(folder).routes()) as opened:
        yield opened


def asked(person: Person, path: str, **fields: str) -> Page:
    return person.ask("GET", path, None, {name.replace("_", "-"): value for name, value in fields.items()})


@pytest.mark.parametrize("path", PAGES)
def test_every_address_answers_the_shell(server: Server, path: str) -> None:
    person = Person(server)
    person.sign_in()
    found = asked(person, path)
    assert (found.status, found.body) == (200, SHELL)
    assert found["content-type"] == "text/html; charset=utf-8"
    assert found["cache-control"] == "no-store"
    assert found["content-security-policy"] == policy(person.origin)
    assert "Cookie" in found["vary"]


def test_the_page_runs_what_was_built_and_nothing_else(server: Server) -> None:
    person = Person(server)
    person.sign_in()
    directives = dict(
        one.strip().partition(" ")[::2]
        for one in asked(person, "/mail")["content-security-policy"].split(";")
    )
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == f"{person.origin}/webmail/"
    assert directives["connect-src"] == "'self'"
    assert directives["frame-ancestors"] == directives["base-uri"] == "'none'"
    assert directives["require-trusted-types-for"] == "'script'"


def test_over_tls_the_policy_names_what_was_asked(server: Server) -> None:
    person = Person(server, secure=True)
    person.sign_in()
    found = asked(person, "/mail", Host=person.host)
    assert f"script-src {person.origin}/webmail/;" in found["content-security-policy"]
    assert person.origin.startswith("https://")


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("/mail/inbox/T1", "%2Fmail%2Finbox%2FT1"),
        ("/mail/search?q=a%20b", "%2Fmail%2Fsearch%3Fq%3Da%2520b"),
        ("/mail/%C3%A4%20b", "%2Fmail%2F%25C3%25A4%2520b"),
    ],
)
def test_who_is_not_signed_in_signs_in_and_comes_back(server: Server, path: str, to: str) -> None:
    person = Person(server)
    found = asked(person, path)
    assert (found.status, found["location"]) == (303, f"/sign-in?to={to}")
    form = person.get(path)
    assert form.value("to") == path
    assert person.sign_in(to=form.value("to")).body == SHELL


def test_a_page_of_another_site_does_not_get_the_shell(server: Server) -> None:
    person = Person(server)
    person.sign_in()
    framed = asked(
        person, "/mail", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="iframe"
    )
    assert framed.status == 403
    linked = asked(
        person, "/mail", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document"
    )
    assert linked.status == 200


def test_files_are_kept_for_good(server: Server) -> None:
    found = asked(Person(server), "/webmail/index-a1b2.js")
    assert (found.status, found.body) == (200, SCRIPT)
    assert found["content-type"] == "text/javascript; charset=utf-8"
    assert found["cache-control"] == "public, max-age=31536000, immutable"
    assert found["x-content-type-options"] == "nosniff"
    assert asked(Person(server), "/webmail/mark-c3.svg")["content-type"] == "image/svg+xml"


def test_files_are_sent_compressed_to_who_takes_that(server: Server) -> None:
    found = asked(Person(server), "/webmail/index-a1b2.js", Accept_Encoding="gzip, deflate, br")
    assert found["content-encoding"] == "gzip"
    assert gzip.decompress(found.body) == SCRIPT
    assert found["vary"] == "Accept-Encoding"
    assert not asked(Person(server), "/webmail/index-a1b2.js", Accept_Encoding="br")["content-encoding"]


@pytest.mark.parametrize(
    "path",
    ["index-9.js", "index-a1b2.js.gz", "index.html", "source", "..%2Fsource", "..%2Findex.html", "a/b", ""],
)
def test_a_file_that_there_is_not_is_not_the_shell(server: Server, path: str) -> None:
    person = Person(server)
    person.sign_in()
    found = asked(person, f"/webmail/{path}")
    assert found.status == 404
    assert found["content-type"] == "application/problem+json"
    assert "immutable" not in found["cache-control"]


def test_where_no_page_was_built_it_is_said_how(tmp_path: Path) -> None:
    with open_http(*OTHERS, *Webmail(tmp_path).routes()) as opened:
        person = Person(opened)
        person.sign_in()
        found = person.get("/mail")
        assert found.status == 503
        assert "dev/webmail build" in found.text
        assert found.flaws() == []
        assert asked(person, "/webmail/index-a1b2.js").status == 404
        # It is there as soon as it was built
        (tmp_path / "webmail").mkdir()
        (tmp_path / "index.html").write_bytes(SHELL)
        assert person.get("/mail").body == SHELL


def test_the_smallest_form_is_chosen_of_those_that_are_taken() -> None:
    file = BuiltFile("text/plain", {"identity": b"aaaa", "gzip": b"aaa", "br": b"aa"})
    chosen = {
        accepted: file.chosen(accepted)[0]
        for accepted in ("", "gzip", "GZIP;q=0.5, br;q=0", "br, gzip", "br;q=0.0", "*", ",;q=,")
    }
    assert chosen == {
        "": "identity",
        "gzip": "gzip",
        "GZIP;q=0.5, br;q=0": "gzip",
        "br, gzip": "br",
        "br;q=0.0": "identity",
        "*": "identity",
        ",;q=,": "identity",
    }
    assert BuiltFile("text/plain", {"identity": b"a", "gzip": b"aaa"}).chosen("gzip") == ("identity", b"a")


def test_only_what_the_page_loads_is_read(folder: Path) -> None:
    built = read(folder)
    assert built is not None
    assert sorted(built.files) == ["index-a1b2.js", "mark-c3.svg"]
