"""With a second factor, the own password of an account opens no door to programs: at each protocol, by each mechanism,
in words that a mail program shows. An app password opens them as before."""

import pytest

from pillarbox.directory.sign_in import totp
from pillarbox.directory.sign_in.app_passwords import Scope
from tests.component.server.login.test_app_passwords import ASKED, DOORS, Line, words
from tests.kit.provider import PASSWORD
from tests.kit.second_factor import TOLD, add_factor, with_url
from tests.kit.server import Server, serve

ANSWERS = {
    Scope.IMAP: f"a NO [AUTHENTICATIONFAILED] {TOLD}",
    Scope.POP3: f"-ERR [AUTH] {TOLD}",
    Scope.SMTP: f"534 5.7.9 {TOLD}",
    Scope.JMAP: f"401 | {ASKED} | {TOLD}",
}


class Shown(Line):
    """A client that puts untagged responses of failure aside."""

    def __init__(self, server: Server, service: str) -> None:
        super().__init__(server, service)
        self.shown = list[str]()

    def line(self) -> str:
        while (line := super().line()).startswith("* NO "):
            self.shown.append(line)
        return line


def attempt(server: Server, service: Scope, way: str, password: str) -> str:
    """The last line of an attempt to log in. In IMAP, what must be shown came before it."""
    name, door, *_ = DOORS[service]
    there = Shown(server, name)
    try:
        last = door(there, way, password)
    finally:
        there.close()
    is_told = service is Scope.IMAP and "Application-specific" in last
    assert there.shown == ([f"* NO [ALERT] {TOLD}"] if is_told else [])
    return last


@pytest.fixture(params=DOORS, ids=str)
def service(request: pytest.FixtureRequest) -> Scope:
    return Scope(request.param)


@pytest.mark.rfc("3206 §4", "MUST")
@pytest.mark.rfc("4954 §6", "MUST")
def test_at_every_door(service: Scope) -> None:
    *_, let_in, _, _ = DOORS[service]
    takes_password = [way for way in DOORS[service][2] if way != "Bearer"]
    with serve(DOORS[service][0], sessions=with_url) as server:
        world, account = server.provider.world, server.provider.accounts[0]
        app = server.run(server.provider.app_password(0, Scope.MAIL))
        for way in takes_password:
            assert attempt(server, service, way, PASSWORD).startswith(let_in)
        add_factor(server)
        for way in takes_password:
            assert attempt(server, service, way, PASSWORD) == ANSWERS[service]
            assert attempt(server, service, way, "wrong") == words(service, way)[1], (
                "who has the right one is told"
            )
        for way in DOORS[service][2]:
            assert attempt(server, service, way, app).startswith(let_in)
        server.run(world.database.write(totp.remove, account))
        for way in takes_password:
            assert attempt(server, service, way, PASSWORD).startswith(let_in)
