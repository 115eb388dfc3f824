"""Log entries as people read them."""

from pillarbox.mail.visible import has_hidden
from pillarbox.world.log_text import text_line

ENTRY = {"timestamp": "2026-11-30T09:14:25.123Z", "level": "warning", "event": "message damaged"}


def test_time_level_and_event_come_first_then_the_fields() -> None:
    line = text_line(
        {"account": 7, "why": "no such blob", **ENTRY, "none": None, "list": [1, "a b"], "on": True}
    )
    assert line == (
        '2026-11-30 09:14:25Z  warning  message damaged  account=7 why="no such blob" list=[1,"a b"] on=true'
    )


def test_a_value_is_one_value_whatever_it_contains() -> None:
    assert text_line({**ENTRY, "a": 'x" level="error', "b": "", "c": "d=e"}).endswith(
        'a="x\\" level=\\"error" b="" c="d=e"'
    )


def test_what_others_wrote_cannot_hide() -> None:
    hiding = "\x1b[2J\n2026\u202e\x9b"
    line = text_line({"a": hiding, "b": [hiding], hiding: 1, **ENTRY, "event": hiding, "level": hiding})
    assert not has_hidden(line)


def test_an_error_has_its_calls_below_it() -> None:
    frames = [{"filename": "a.py", "lineno": 3, "name": "work"}]
    line = text_line(
        {**ENTRY, "exception": [{"exc_type": "ValueError", "exc_value": "lost\n", "frames": frames}]}
    )
    assert line.splitlines()[1:] == ["    a.py:3 work", "  ValueError: lost\\x0a"]


def test_whatever_stands_in_a_file_is_shown() -> None:
    assert text_line({}).strip() == "Z"
    assert "event" not in text_line({"exception": "no list", "event": 7, "timestamp": None})
    text_line({**ENTRY, "exception": [7, {"frames": []}]})
