"""The first page of a server: where to sign in, for people; that there is something, for programs."""

from starlette.responses import PlainTextResponse, Response

from pillarbox.server.http.request import HttpRequest
from pillarbox.server.pages.rendering import page
from pillarbox.server.pages.stopping import for_people


@for_people
async def front(request: HttpRequest) -> Response:
    """For who looks whether there is anything."""
    if "text/html" not in request.headers.get("accept", ""):
        said = f"Pillarbox at {request.config.hostname}.\n"
        return PlainTextResponse(said, headers={"vary": "Accept"})
    login = request.account.login if request.browser_session is not None else ""
    vary = {"vary": "Accept, Accept-Language, Cookie"}
    return await page(request, "front.html", headers=vary, login=login)
