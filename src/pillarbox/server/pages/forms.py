"""What a form has sent: names and values, bounded before they are decoded."""

from typing import Final
from urllib.parse import parse_qsl

from pillarbox.config.schema import Config
from pillarbox.protocol.http.problem import Problem
from pillarbox.server.http.refusals import Refused
from pillarbox.server.http.request import HttpRequest

MAX_FORM_OCTETS: Final = 16 * 1024
MAX_FIELDS: Final = 64
MAX_DIGITS: Final = 15
"""Of the number of a row."""
MEDIA_TYPES: Final = ("application/x-www-form-urlencoded",)


def max_form_octets(_config: Config) -> int:
    """For the table of routes."""
    return MAX_FORM_OCTETS


class Form:
    """Names and values; a name that was not sent has the empty value."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs
        self._values = dict(pairs)

    def __getitem__(self, name: str) -> str:
        return self._values.get(name, "")

    def has(self, name: str) -> bool:
        """Whether the name was sent, as a box that is ticked is."""
        return name in self._values

    def all(self, name: str) -> list[str]:
        """Each value that this name was sent with."""
        return [value for key, value in self._pairs if key == name]


async def form_of(request: HttpRequest) -> Form:
    """The form in the body of a request. Raises `Refused` for what is none."""
    body = await request.body()
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError:
        raise Refused(Problem(400, "The form can't be read.")) from None
    return Form(pairs)


def row_number(text: str) -> int:
    """The number of a row that a form or an address names; 0, which none has, for what is no number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS else 0
