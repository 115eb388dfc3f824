"""What holds for every page, and for the files beside them."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from pillarbox.server.http.routes import ROUTES
from pillarbox.server.pages.assets import assets
from pillarbox.server.pages.routes import ROUTES as PAGES
from tests.kit.http.pages import Person
from tests.kit.http.server import open_http
from tests.kit.server import Server

SHOWN = sorted(route.path for route in PAGES if route.methods == ("GET",) and "{" not in route.path)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with open_http(*ROUTES) as opened:
        yield opened


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("path", SHOWN)
def test_a_page_is_sound(server: Server, path: str, language: str) -> None:
    stranger, owner = Person(server, language=language), Person(server, language=language)
    owner.sign_in()
    for page in (stranger.get(path), owner.get(path)):
        assert page.status == 200
        assert page.flaws() == []
        assert page.all("html") == [{"lang": language}]
        assert page["content-language"] == language
        assert page["content-security-policy"] == (
            "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self';"
            " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        )
        assert page["referrer-policy"] == "same-origin"  # else a form would come from nowhere
        assert page["cache-control"] == "no-store"
        assert "Accept-Language" in page["vary"]


def test_all_files_that_a_page_names_are_there(server: Server) -> None:
    person = Person(server)
    page = person.get("/sign-in")
    named = [one["href"] for one in page.all("link")]
    assert len(named) == 2
    for path in named:
        found = person.ask("GET", path, None, {})
        assert found.status == 200
        assert found["cache-control"] == "public, max-age=31536000, immutable"
        assert found["x-content-type-options"] == "nosniff"


def test_files_have_their_types(server: Server) -> None:
    types = {name.rpartition(".")[2]: one.media_type for name, one in assets().items()}
    assert types["css"] == "text/css; charset=utf-8"
    assert types["svg"] == "image/svg+xml"


@pytest.mark.parametrize(
    "path",
    ["/assets/style.css", "/assets/x", "/assets/style.0000000000000000.css", "/assets/..%2Frendering.py"],
)
def test_there_are_no_other_files(server: Server, path: str) -> None:
    found = Person(server).ask("GET", path, None, {})
    assert found.status == 404
    assert found["cache-control"] == "no-store"


def test_files_load_nothing_from_elsewhere() -> None:
    for name, one in assets().items():
        text = one.octets.decode().replace("http://www.w3.org/2000/svg", "")
        assert "//" not in text.replace("://", "//") or name.endswith(".js"), name
        assert "url(" not in text
        assert "@import" not in text


def test_what_makes_pages_is_loaded_with_the_first_one() -> None:
    program = (
        "import sys, pillarbox.server.http.service\n"
        "print(sorted({'jinja2', 'segno', 'pyotp', 'webauthn'} & set(sys.modules)))\n"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
