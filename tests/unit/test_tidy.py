"""The house rules hold, and each rule notices what it is for."""

import sys
from pathlib import Path

import pytest

from tests.kit.paths import ROOT

sys.path.insert(0, str(ROOT / "dev"))
import tidy


def test_the_house_is_tidy() -> None:
    assert list(tidy.findings()) == []


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("long.py", '"""Doc."""\n' + "\n" * 600, "601 lines"),
        ("utils.py", '"""Doc."""', "does not say what it holds"),
        ("a.py", "x = 1", "the module does not say"),
        ("a.py", '"""Doc."""\ndef f(): pass', "no docstring"),
        ("a.py", '"""Doc."""\nclass A:\n  """A."""\n  def f(self): pass', "no docstring"),
        ("a.py", '"""Doc."""\ndef _f():\n' + "  x = 1\n" * 71, "72 lines"),
        ("a.py", '"""Doc."""\ndef _f(a,b,c,d,e,f,g,h,i): pass', "9 parameters"),
        ("a.py", '"""Doc."""\nimport time\ntime.time()', "world.clock"),
        ("a.py", '"""Doc."""\nX = "(?:a|b)*' + '+"', "before 3.11.5"),
        ("a.py", '"""Doc."""\nprint(1)', "world.telemetry"),
        ("a.py", '"""Doc."""\n# TO' + "DO later", "leftover"),
    ],
)
def test_each_rule_notices(tmp_path: Path, name: str, text: str, expected: str) -> None:
    folder = tmp_path / "src" / "pillarbox"
    folder.mkdir(parents=True)
    (folder / name).write_text(text)
    assert any(expected in finding for finding in tidy.findings(tmp_path))
