"""Letting a browser in, however its person has shown who they are."""

from pillarbox.server.http.cookies import DEVICE_S, Cookie
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.sign_in.steps import SignedIn


async def let_in(request: HttpRequest, done: SignedIn) -> None:
    """Give the browser its cookies. A session that it has had before ends."""
    former = request.browser_session
    if former is not None and former.id != done.session.id:
        await request.sessions.end(request.account, former.id)
    request.give(Cookie.SESSION, done.token, request.sessions.lasts_s(done.session))
    if done.device:  # who proves something may have removed it meanwhile
        request.give(Cookie.DEVICE, done.device, DEVICE_S)
