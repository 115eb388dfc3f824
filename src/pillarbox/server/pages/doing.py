"""By whom a change of an account is made in a page, for the letter to its owner."""

from pillarbox.admin.change_letters import Doing
from pillarbox.server.http.request import HttpRequest
from pillarbox.world.entropy import nonce


def doing_of(request: HttpRequest) -> Doing:
    """By the browser of this request."""
    world = request.world
    return Doing(
        nonce(world.entropy), request.config.web_url, world.clock.now_ms(), address=request.browser.address
    )
