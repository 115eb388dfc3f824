"""The table of routes. To add one: a row here; its handler in the room that it is about (see docs/recipes.md)."""

from typing import Final

from starlette.responses import PlainTextResponse, Response

from pillarbox.server.http.request import HttpRequest
from pillarbox.server.http.route import Access, Route


async def front(request: HttpRequest) -> Response:
    """For who looks whether there is anything."""
    return PlainTextResponse(f"Pillarbox at {request.config.hostname}.\n")


ROUTES: Final[tuple[Route, ...]] = (Route(path="/", methods=("GET",), handler=front, access=Access.ANYONE),)
