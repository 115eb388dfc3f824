"""Blobs of JMAP over HTTP: uploads and downloads (RFC 8620 §6.1, §6.2)."""

from typing import Any, Final

from starlette.responses import Response, StreamingResponse

from pillarbox.config.schema import Config
from pillarbox.protocol.http.problem import Problem
from pillarbox.protocol.jmap import addresses, problems
from pillarbox.protocol.jmap.limits import DEFAULT_LIMITS
from pillarbox.protocol.jmap.problems import Problem as JmapProblem
from pillarbox.server.http.refusals import Refused, of_jmap
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.jmap.downloading import Download, DownloadRequest, download
from pillarbox.server.jmap.uploading import STATUS_CREATED, Uploads
from pillarbox.world.world import World

UPLOAD_PATH: Final = addresses.UPLOAD_PATH
DOWNLOAD_PATH: Final = addresses.DOWNLOAD_PATH.partition("?")[0].replace("{name}", "{name:text}")
"""What the session object tells clients, as templates of routes; the type is in the query. A name may have line ends:
senders choose it."""


TOO_LARGE: Final = of_jmap(problems.upload_too_large(DEFAULT_LIMITS.max_size_upload))
_UNASKED: Final = ("navigate", "no-cors", "nested-navigate")


def max_upload_octets(_: Config) -> int:
    """Of an upload."""
    return DEFAULT_LIMITS.max_size_upload


def _uploads(world: World, _: Config) -> Uploads:
    return Uploads(world, DEFAULT_LIMITS)


async def upload(request: HttpRequest) -> Response:
    """POST of `UPLOAD_PATH`, of any type: so what a browser sends unasked, with a password that it keeps, is told by
    its mode (Fetch standard), which is that of no script that shows one."""
    if request.headers.get("sec-fetch-mode") in _UNASKED:
        raise Refused(Problem(403, "Uploads are not for forms."))
    length = request.headers.get("content-length")
    made = await request.shared(_uploads).upload(
        request.account,
        request.path_params["accountId"],
        request.headers.get("content-type"),
        request.stream(),
        announced=None if length is None else int(length),
        read_only=request.who.is_read_only,
    )
    if isinstance(made, JmapProblem):
        return _refusal(made)
    return Response(made.octets(), STATUS_CREATED, media_type="application/json")


async def fetch(request: HttpRequest) -> Response:
    """GET and HEAD of `DOWNLOAD_PATH`."""
    variables, fields = request.path_params, request.headers
    asked = DownloadRequest(
        account_id=variables["accountId"],
        blob_id=variables["blobId"],
        name=variables["name"],
        type=request.query_params.get("accept"),
        range=fields.get("range"),
        if_range=fields.get("if-range"),
        if_none_match=fields.get("if-none-match"),
        head=request.method == "HEAD",
    )
    found = await download(request.world, request.account, asked)
    return _refusal(found) if isinstance(found, JmapProblem) else _Octets(found)


def _refusal(problem: JmapProblem) -> Response:
    return Response(problem.octets(), problem.status, media_type=problems.MEDIA_TYPE)


class _Octets(StreamingResponse):
    """A download as it is read."""

    def __init__(self, found: Download) -> None:
        self._found, self._pieces = found, found.pieces()
        super().__init__(self._pieces, found.status, dict(found.fields))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """See ASGI. The blob is closed at its end, and when the client has left."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._pieces.aclose()
            self._found.close()
