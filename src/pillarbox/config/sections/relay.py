"""`[relay]`: the way to other providers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from pillarbox.config.options import Description


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """How mail for other providers is sent. By default, to the MX hosts of each recipient's domain."""

    smart_host: Annotated[
        str,
        Description(
            "Send all mail for other providers through this server. Port 465 means implicit TLS.",
            "host:port",
            example='"relay.example.net:587"',
        ),
    ] = ""
    smart_host_login: Annotated[
        str,
        Description(
            "Log in to the smart host under this name. TLS with a valid certificate for its name is then required."
        ),
    ] = ""
    smart_host_password_file: Annotated[
        Path | None,
        Description(
            "A file that holds only the password, readable by the service's user alone.",
            example='"/etc/pillarbox/smart-host-password"',
        ),
    ] = None
    port: Annotated[
        Annotated[int, Meta(ge=1, le=65_535)],
        Description("The port of MX hosts; anything but 25 is for testing."),
    ] = 25
    routes: Annotated[
        Mapping[str, str],
        Description(
            "Servers for single domains; they take precedence over the smart host and MX records. A host is an "
            "address, or a name in the DNS or the hosts file of the machine.",
            "host:port",
            example='{ "example.com" = "10.0.0.7:25" }',
        ),
    ] = field(default_factory=dict)
