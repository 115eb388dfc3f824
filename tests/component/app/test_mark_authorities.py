"""`pillarbox check` tells of the file of roots that images of senders are certified by."""

import json
from datetime import UTC, datetime
from pathlib import Path

from tests.kit.command_line import set_up
from tests.kit.marks import Issuer


def test_check_tells_of_the_roots(tmp_path: Path) -> None:
    there, _ = set_up(tmp_path)
    with there.config.open("a") as config:
        config.write("\n[authentication]\nbimi = true\nbimi_roots = 'roots.pem'\n")
    said = there.refused("check", "--only", "certificates")
    assert "'authentication.bimi_roots'" in said
    assert "No such file" in said
    (tmp_path / "roots.pem").symlink_to("/dev/zero")
    assert "more than 1048576 octets" in there.refused("check", "--only", "certificates")
    (tmp_path / "roots.pem").unlink()

    def told() -> list[str]:
        found = json.loads(there.run("check", "--only", "certificates", "--json").stdout)["findings"]
        return [one["found"] for one in found if one["subject"].endswith("roots.pem")]

    good, old = (
        Issuer("good", until=datetime(2999, 1, 1, tzinfo=UTC)),
        Issuer("old", until=datetime(2025, 1, 1, tzinfo=UTC)),
    )
    (tmp_path / "roots.pem").write_bytes(good.pem() + old.pem())
    assert told() == ["expired: CN=old", "mark certificates by 1 root are believed"]
