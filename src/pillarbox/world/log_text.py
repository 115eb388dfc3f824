"""A log entry as people read it: one line, with the time, the level, what happened, and its fields.

    2026-11-30 09:14:25Z  warning  message damaged  account=7 why="no such blob"

The call stack of an error follows in lines of its own, which are indented. Nothing that others wrote looks like a
line, or hides.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from pillarbox.mail.visible import visible

_ALWAYS: Final = frozenset({"timestamp", "level", "event", "exception"})
_json = msgspec.json.Encoder(enc_hook=str).encode


def text_line(entry: Mapping[str, Any]) -> str:
    """The entry, without a line feed at its end."""
    time = str(entry.get("timestamp", ""))[:19].replace("T", " ")
    event = visible(str(entry.get("event", "")))
    line = f"{visible(time)}Z  {visible(str(entry.get('level', ''))):<7}  {event}"
    fields = fields_text(entry)
    return "\n".join((f"{line}  {fields}" if fields else line, *_stack(entry.get("exception"))))


def fields_text(entry: Mapping[str, Any]) -> str:
    """The fields of its own: `name=value name="several words"`."""
    fields = ((name, value) for name, value in entry.items() if name not in _ALWAYS and value is not None)
    return " ".join(f"{visible(str(name))}={_value(value)}" for name, value in fields)


def _value(value: object) -> str:
    if not isinstance(value, str):
        try:
            value = _json(value).decode()
        except (TypeError, ValueError):
            value = str(value)
        return visible(value)
    shown = visible(value)
    if shown and not any(character in shown for character in ' "='):
        return shown
    return f'"{shown.replace(chr(34), chr(92) + chr(34))}"'


def _stack(exception: object) -> Iterator[str]:
    """The errors as structlog describes them, each with its calls, innermost last."""
    for error in exception if isinstance(exception, list) else ():
        if isinstance(error, dict):
            for frame in error.get("frames", ()):
                where = f"{frame.get('filename')}:{frame.get('lineno')} {frame.get('name')}"
                yield f"    {visible(where)}"
            yield f"  {visible(str(error.get('exc_type')))}: {visible(str(error.get('exc_value')))}"
