"""The generated pages of the operator's manual are current, and the others name only existing commands."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.kit.paths import ROOT


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "pillarbox.service"
    text = (ROOT / "packaging" / "pillarbox.service").read_text()
    unit.write_text(text.replace("/opt/pillarbox/bin/pillarbox", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    assert "pillarbox.service" not in done.stderr
