"""The table of routes. To add one: a row here; its handler in the room that it is about (see docs/recipes.md)."""

from typing import Final

from pillarbox.server.http import blobs, jmap
from pillarbox.server.http.route import Access, Route
from pillarbox.server.pages import passkeys
from pillarbox.server.pages import routes as pages
from pillarbox.server.webmail import routes as webmail

ROUTES: Final[tuple[Route, ...]] = (
    *pages.ROUTES,
    *webmail.ROUTES,
    # --- JMAP; its addresses are those of `protocol.jmap.addresses`
    Route(
        path="/.well-known/jmap",
        methods=("GET",),
        handler=jmap.well_known,
        access=Access.ANYONE,
        cross_origin=True,
    ),
    Route(path="/jmap/session", methods=("GET",), handler=jmap.session, cross_origin=True),
    Route(
        path="/jmap/api/",
        methods=("POST",),
        handler=jmap.api,
        max_body_octets=jmap.max_request_octets,
        media_types=("application/json",),
        too_large=jmap.TOO_LARGE,
        wrong_type=jmap.NO_JSON,
        cross_origin=True,
    ),
    Route(
        path=blobs.UPLOAD_PATH,
        methods=("POST",),
        handler=blobs.upload,
        max_body_octets=blobs.max_upload_octets,
        too_large=blobs.TOO_LARGE,
        cross_origin=True,
    ),
    Route(path=blobs.DOWNLOAD_PATH, methods=("GET",), handler=blobs.fetch, cross_origin=True),
    Route(path="/jmap/eventsource/", methods=("GET",), handler=jmap.event_source, cross_origin=True),
    Route(path="/jmap/ws/", methods=("GET",), handler=jmap.socket, websocket=True),
    *passkeys.ROUTES,
)
