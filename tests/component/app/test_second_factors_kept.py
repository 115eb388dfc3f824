"""Second factors in what is made of a database: a backup, and a database that is built anew."""

import apsw
import pytest

from tests.component.app.test_second_factor_commands import add_factor
from tests.kit.command_line import CommandLine, set_up


@pytest.fixture
def there(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    made, _ = set_up(tmp_path_factory.mktemp("provider"))
    add_factor(made)
    return made


def test_a_backup_has_them(there: CommandLine) -> None:
    before = there.json("account", "second-factor", "anna")
    folder = there.data.parent
    there.text("backup", str(folder / "backup"))
    there.data.rename(folder / "lost")
    there.text("restore", str(folder / "backup"))
    assert there.json("account", "second-factor", "anna") == before
    assert before["one_time_codes"]
    assert before["recovery_codes"] == 10


@pytest.mark.parametrize("lost", ["totp_setups", "totp_secrets"])
def test_a_database_that_is_built_anew_has_them(there: CommandLine, lost: str) -> None:
    """Also where the secrets are lost: then with one that nobody has."""
    before = there.json("account", "second-factor", "anna")
    database = apsw.Connection(str(there.data / "pillarbox.db"))
    database.execute(f"DROP TABLE {lost}")
    database.close()
    there.run("rebuild", "--yes")
    after = there.json("account", "second-factor", "anna")
    assert after["one_time_codes"]
    assert after["recovery_codes"] == 10
    assert (after == before) is (lost == "totp_setups")
    assert "No errors found" in there.text("fsck")
