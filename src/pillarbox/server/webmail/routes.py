"""The routes of the webmail: each address of it answers the same shell, which shows what the address says.

A file that there is not is 404 and never the shell: a browser would keep a page as a script.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from starlette.responses import Response

from pillarbox.protocol.http.problem import Problem
from pillarbox.server.http.refusals import Refused
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.http.route import Access, Route
from pillarbox.server.pages.account.visiting import for_owner
from pillarbox.server.pages.rendering import page
from pillarbox.server.pages.stopping import refused
from pillarbox.server.webmail.built import FILES, FOLDER, Built, BuiltFile, read

SECTIONS: Final = ("/mail", "/compose", "/settings")
_SHELL: Final = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "same-origin",
    "vary": "Accept-Encoding, Cookie",
}
_KEPT: Final = {"cache-control": "public, max-age=31536000, immutable", "vary": "Accept-Encoding"}


def policy(origin: str) -> str:
    """What the page may do (W3C Content Security Policy). `origin`: scheme, host and port of the page.

    Scripts and styles come from the files of the build alone, so that nothing which somebody has mailed or uploaded is
    ever one, though this server hands it out.
    """
    files = f"{origin}/{FILES}/"
    return (
        f"default-src 'none'; script-src {files}; style-src {files}; img-src 'self' blob: data:; connect-src 'self';"
        " frame-src 'self' blob:; form-action 'self'; frame-ancestors 'none'; base-uri 'none';"
        # Svelte makes elements of its own templates, by a policy of this name
        " require-trusted-types-for 'script'; trusted-types svelte-trusted-html"
    )


class Webmail:
    """The page that was built into a folder. It is read with the first request for it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._built: Built | None = None

    def routes(self) -> tuple[Route, ...]:
        """Its rows of the table."""
        shell = for_owner(self._shell)
        paths = [path for section in SECTIONS for path in (section, f"{section}/{{rest:text}}")]
        return (
            *(
                Route(path=path, methods=("GET",), handler=shell, access=Access.PAGE, refused=refused)
                for path in paths
            ),
            Route(path=f"/{FILES}/{{name}}", methods=("GET",), handler=self._file, access=Access.ANYONE),
        )

    async def _shell(self, request: HttpRequest) -> Response:
        """The page, for who is signed in."""
        built = await self._read(request)
        if built is None:
            return await page(request, "stop.html", status=503, reason="stop.not_built", again="")
        return _response(
            request, built.shell, {**_SHELL, "content-security-policy": policy(request.page_origin)}
        )

    async def _file(self, request: HttpRequest) -> Response:
        """A file of the build. Raises `Refused` for unknown ones."""
        built = await self._read(request)
        named = built.files.get(request.path_params["name"]) if built else None
        if named is None:
            raise Refused(Problem(404, "There is no such file."))
        return _response(request, named, _KEPT)

    async def _read(self, request: HttpRequest) -> Built | None:
        if self._built is None:
            self._built = await request.world.aside.run(read, self._folder)
        return self._built


def _response(request: HttpRequest, found: BuiltFile, fields: Mapping[str, str]) -> Response:
    coding, octets = found.chosen(request.headers.get("accept-encoding", ""))
    encoded = {} if coding == "identity" else {"content-encoding": coding}
    return Response(octets, media_type=found.media_type, headers={**fields, **encoded})


ROUTES: Final = Webmail(FOLDER).routes()
