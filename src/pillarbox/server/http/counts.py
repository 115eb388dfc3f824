"""What is counted of HTTP."""

from typing import Final

from pillarbox.world.shared.metrics import Family

REQUESTS: Final = Family(
    name="http_responses",
    sentence="Responses to HTTP requests, by their status.",
    labels=(("status", ("1xx", "2xx", "3xx", "4xx", "5xx")),),
)
