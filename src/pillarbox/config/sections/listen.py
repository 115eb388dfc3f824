"""`[listen]`: a list of addresses for each service."""

from dataclasses import dataclass, field, make_dataclass
from typing import TYPE_CHECKING, Annotated

from pillarbox.config.options import Applies, Description
from pillarbox.config.services import SERVICES, ServiceRow

Endpoints = tuple[str, ...]


def _of_service(row: ServiceRow) -> Description:
    sentence = row.sentence if row.usual else f"{row.sentence} The registered port is {row.port}."
    return Description(
        sentence, "host:port", Applies.AT_START, example=f'["{row.usual}"]' if row.usual else ""
    )


if TYPE_CHECKING:

    @dataclass(frozen=True)
    class Listen:
        """For mypy, which can't look into a class that is made at run time."""

        def __init__(self, **endpoints: Endpoints) -> None: ...

        def __getattr__(self, name: str) -> Endpoints: ...

else:
    Listen = make_dataclass(
        "Listen",
        [
            (
                row.name,
                Annotated[
                    Endpoints,
                    _of_service(row),
                ],
                field(default=row.endpoints),
            )
            for row in SERVICES.values()
        ],
        namespace={
            "__doc__": """Addresses and ports to listen on, as "host:port". The host is "*" (all IPv4 and IPv6
            addresses), "127.0.0.1" or "[::1]". An empty list turns a service off."""
        },
        frozen=True,
        slots=True,
        kw_only=True,
    )
