"""The house rules hold, and each rule reports what it is for."""

import pytest

from dev import tidy


def test_the_source_follows_the_house_rules() -> None:
    assert list(tidy.findings()) == []


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("long.py", '"""Doc."""\n' + "\n" * 600, "601 lines"),
        ("utils.py", '"""Doc."""', "does not say what the module is about"),
        ("a.py", "x = 1", "the module has no docstring"),
        ("a.py", '"""Doc."""\ndef f(): pass', "no docstring"),
        ("a.py", '"""Doc."""\nclass A:\n  """A."""\n  def f(self): pass', "no docstring"),
        ("a.py", '"""Doc."""\ndef _f():\n' + "  x = 1\n" * 71, "72 lines"),
        ("a.py", '"""Doc."""\ndef _f(a,b,c,d,e,f,g,h,i): pass', "9 parameters"),
        ("a.py", '"""Doc."""\nimport time\ntime.time()', "world.clock"),
        ("a.py", '"""Doc."""\nunicodedata.normalize("NFC", x)', "mail.normalization"),
        ("a.py", '"""Doc."""\nx = y.casefold()', "mail.normalization"),
        ("a.py", '"""Doc."""\nX = "(?:a|b)*' + '+"', "before Python 3.11.5"),
        ("a.py", '"""Doc."""\nprint(1)', "world.telemetry"),
        ("a.py", '"""Doc."""\n# TO' + "DO later", "leftover"),
    ],
)
def test_each_rule_reports(name: str, text: str, expected: str) -> None:
    assert any(expected in what for _line, what in tidy.check(name, text))


def test_a_file_of_the_world_may_make_its_own_call() -> None:
    assert list(tidy.check("world/clock.py", '"""Doc."""\nimport time\ntime.time()')) == []


@pytest.mark.parametrize(
    "text",
    [
        'monkeypatch.setattr(module, "MAX_LIMIT", 3)',
        'patched.setattr("a.module.TIMEOUT_S", 0.1)',
        'with mock.patch("a.module._LIMIT", 3): pass',
        'mock.patch.object(module, "LIMIT", 3)',
        'setattr(module, "MAX_2", 3)',
        "module.LIMIT = 3",
        "module.LIMIT += 3",
    ],
)
def test_a_test_that_patches_a_constant_is_reported(text: str) -> None:
    assert [line for line, _what in tidy.check_test(f"\n{text}")] == [2]


@pytest.mark.parametrize(
    "text",
    [
        'monkeypatch.setattr(module, "function", 3)',
        'monkeypatch.setattr("a.module.Class.method", 3)',
        'monkeypatch.setattr(report, "Outbound", 3)',
        "LIMIT = 3",
        "self.limit = LIMIT",
        'monkeypatch.setenv("PILLARBOX_DATA", "x")',
    ],
)
def test_a_test_may_patch_functions_and_have_constants(text: str) -> None:
    assert not list(tidy.check_test(text))
