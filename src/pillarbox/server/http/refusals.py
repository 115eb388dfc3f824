"""Errors as problem details (RFC 9457): the one place that says which status an error has."""

from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from pillarbox.protocol.http.problem import MEDIA_TYPE, Problem
from pillarbox.protocol.jmap.problems import Problem as JmapProblem
from pillarbox.server.connection import ConnectionGone
from pillarbox.server.login.password_checks import AuthenticationUnavailable
from pillarbox.world.blobs import BlobDamaged
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.memory import MemoryScarce

RETRY_S: Final = 30


class Refused(Exception):
    """A request that is not served. May be raised wherever a request is at work."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


_LATER: Final = ((b"retry-after", str(RETRY_S).encode()),)
_PROBLEMS: Final[dict[type[Exception], Problem]] = {
    # RFC 6585 §4: how often somebody may guess is not a failure of ours
    AuthenticationUnavailable: Problem(429, "Too many attempts to log in are waiting.", fields=_LATER),
    MemoryScarce: Problem(503, "Insufficient system resources, try again later.", fields=_LATER),
    DatabaseUnavailable: Problem(503, "Temporary internal failure, try again later.", fields=_LATER),
    BlobDamaged: Problem(500, "The message is damaged."),
}


def problem_of(error: Exception) -> Problem | None:
    """What is answered to an error; `None` where it is a mistake of ours."""
    if isinstance(error, Refused):
        return error.problem
    if isinstance(error, HTTPException):
        fields = tuple(
            (name.lower().encode(), value.encode()) for name, value in (error.headers or {}).items()
        )
        return Problem(error.status_code, error.detail, fields=fields)
    return next((problem for kind, problem in _PROBLEMS.items() if isinstance(error, kind)), None)


def of_jmap(problem: JmapProblem) -> Problem:
    """An error of JMAP as one of HTTP."""
    extra = {} if problem.limit is None else {"limit": problem.limit}
    return Problem(problem.status, problem.detail, problem.type, extra)


def is_disconnect(error: Exception) -> bool:
    """Whether the error says only that the client has left."""
    return isinstance(error, ClientDisconnect | ConnectionGone)


def fields_of(problem: Problem) -> list[tuple[bytes, bytes]]:
    """The fields of the response, but for its length."""
    return [(b"content-type", MEDIA_TYPE), *problem.fields]


INTERNAL: Final = Problem(500, "Internal server error.")
TIMED_OUT: Final = Problem(408, "The request took too long.")
SCARCE: Final = Problem(503, "Insufficient system resources, try again later.", fields=_LATER)
