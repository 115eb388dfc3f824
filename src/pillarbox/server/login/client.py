"""Who is at the other end of a login."""

from dataclasses import dataclass
from typing import Final

from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.directory.sign_in.known_clients import client_key, is_this_machine, network_key
from pillarbox.directory.sign_in.sign_ins import Way

_WEB: Final = str(Way.WEB)


@dataclass(frozen=True, slots=True)
class Client:
    """Who wants to log in, and for what."""

    address: str
    """The IP address of the other end."""
    scope: Scope
    """The service that is to be used: an app password must be made for it."""
    agent: str = ""
    """What it says it is, as it wrote it; empty where it has not said so yet."""
    by_browser: bool = False
    """Somebody signs in by our pages."""

    @property
    def way(self) -> str:
        """By what it comes in, the value of a `Way`."""
        return _WEB if self.by_browser else str(self.scope)

    @property
    def network(self) -> str:
        """Where it is, for taking turns: a /24 or a /48; empty for this machine."""
        key = client_key(self.address)
        return "" if is_this_machine(key) else network_key(key)
