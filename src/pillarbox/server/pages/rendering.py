"""Makes a response of a template and values."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import HTMLResponse, RedirectResponse, Response

from pillarbox.server.http.request import HttpRequest
from pillarbox.server.pages import times
from pillarbox.server.pages.assets import assets
from pillarbox.server.pages.language import Language, preferred
from pillarbox.server.pages.words import Words, words_of

if TYPE_CHECKING:
    from jinja2 import Environment, Template

FOLDER: Final = Path(__file__).parent / "templates"
SHARE_S: Final = 0.001
"""Seconds of rendering after which others are served."""
FIELDS: Final[Mapping[str, str]] = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self';"
        " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    # With `no-referrer` a browser says with a form that it comes from nowhere
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "vary": "Accept-Language, Cookie",
    "cache-control": "no-store",
}
"""Of every page."""


async def page(
    request: HttpRequest,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> HTMLResponse:
    """A page; templates have `t` (words), `when` (a time in words), `asset` (where a file is) and `site`."""
    made = await _template(request, template)
    content = await _rendered(request, made, {**_shared(request), **values})
    return _response(request, content, status, headers or {})


def go_to(path: str) -> Response:
    """Have the browser ask for another page (RFC 9110 §15.4.4)."""
    return RedirectResponse(path, status_code=303, headers={"cache-control": "no-store"})


def language_of(request: HttpRequest) -> Language:
    """The language of the person who asks."""
    return preferred(request.headers.get("accept-language", ""))


def words_for(request: HttpRequest) -> Words:
    """Words in it."""
    return words_of(language_of(request))


def _shared(request: HttpRequest) -> dict[str, Any]:
    """What all templates have."""
    language = language_of(request)
    now_ms, words = request.world.clock.now_ms(), words_of(language)
    return {
        "t": words,
        "language": language.value,
        "site": request.config.domain,
        "when": lambda at_ms: times.when(at_ms, now_ms=now_ms, words=words),
        "exactly": lambda at_ms: times.exactly(at_ms, words),
        "day": lambda at_ms: times.day(at_ms, words),
    }


def _response(request: HttpRequest, content: str, status: int, headers: Mapping[str, str]) -> HTMLResponse:
    fields = {**FIELDS, "content-language": language_of(request).value, **headers}
    return HTMLResponse(content, status_code=status, headers=fields)


async def _rendered(request: HttpRequest, template: "Template", values: dict[str, Any]) -> str:
    """A page has lists, so it is made in pieces between which others are served."""
    monotonic, pieces = request.world.clock.monotonic, list[str]()
    began_s = monotonic()
    for piece in template.generate(values):
        pieces.append(piece)
        if monotonic() - began_s > SHARE_S:
            await request.give_way()
            began_s = monotonic()
    return "".join(pieces)


# --- templates

_COMPILED: dict[str, "Template"] = {}


async def _template(request: HttpRequest, name: str) -> "Template":
    """A template, compiled once in a process: that takes some hundredths of a second, with Jinja's import the first
    time."""
    found = _COMPILED.get(name)
    if found is None:
        found = await request.world.aside.run(_compiled, name)
    return found


def _compiled(name: str) -> "Template":
    if name not in _COMPILED:
        _COMPILED[name] = environment().get_template(name)
    return _COMPILED[name]


@cache
def environment() -> "Environment":
    """What reads templates. All that is put into one is escaped, and what is not given is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["asset"] = lambda name: assets()[name].path
    made.globals["has_asset"] = lambda name: name in assets()
    return made
