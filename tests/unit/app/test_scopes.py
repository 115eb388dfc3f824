"""The scopes of the command line are those of app passwords."""

from pillarbox.app.commands.app_password import SCOPES
from pillarbox.directory.sign_in.app_passwords import Scope


def test_every_scope_can_be_chosen() -> None:
    assert tuple(scope.value for scope in Scope) == SCOPES
