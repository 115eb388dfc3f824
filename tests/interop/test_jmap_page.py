"""The commands of docs/jmap.md, run in their order against a demo: each says what the page says."""

import re
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from pillarbox.testing import Provider
from tests.interop.programs import need
from tests.kit.paths import ROOT

pytestmark = pytest.mark.interop
PAGE = ROOT / "docs" / "jmap.md"
BLOCK = re.compile(r"^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
RUN_S = 60
MARK = "-- the next block --"


def blocks(page: str) -> list[tuple[str, str]]:
    """Kind and text of each block of code: `sh` is run, one without a kind is what the one before it prints."""
    return [(block["kind"], block["text"]) for block in BLOCK.finditer(page)]


def test_the_page_is_true(tmp_path: Path) -> None:
    for program in ("bash", "curl", "jq"):
        need(program)
    found = blocks(PAGE.read_text())
    script = [text for kind, text in found if kind == "sh"]
    wanted = [
        (text, printed if next_kind == "" else "")
        for (kind, text), (next_kind, printed) in pairwise([*found, ("end", "")])
        if kind == "sh"
    ]
    assert sum(bool(printed) for _, printed in wanted) >= 6
    with Provider(plain=True) as provider:
        here = f"http://localhost:{provider.ports['http']}"
        text = f"printf '%s\\n' '{MARK}'\n".join(script).replace("http://localhost:2080", here)
        done = subprocess.run(
            [need("bash"), "-euo", "pipefail", "-c", text],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=RUN_S,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    for (command, printed), seen in zip(wanted, done.stdout.split(f"{MARK}\n"), strict=True):
        assert seen == printed, command
