"""Texts derived from the configuration's fields: the example with every option, the page of the manual, and the
file that `init` writes.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from pillarbox.config.options import Option, options
from pillarbox.config.schema import DEFAULT_PATH, Config, sections

WIDTH = 100
"""Columns of the example's comments."""


def example() -> str:
    """Every option with its description and default; required ones are filled in for example.org."""
    lines = ["# Every option of Pillarbox with its default. Options without a leading # are required.", ""]
    lines += _example_lines(options(Config))
    for name, section, several in sections():
        heading = f"[[{name}]]" if several else f"[{name}]"
        lines += ["", *_comment(_doc(section)), f"# {heading}" if several else heading, ""]
        lines += _example_lines(options(section), commented=several)
    return "\n".join(lines).rstrip() + "\n"


def page() -> str:
    """The page of the manual, as Markdown."""
    lines = [
        "# Configuration",
        "",
        "<!-- Written by dev/operate_pages.py from the fields of `pillarbox.config`: change them there. -->",
        "",
        (
            f"Pillarbox reads one TOML file: `{DEFAULT_PATH}`, or the one named by `--config FILE` or the "
            "environment variable `PILLARBOX_CONFIG`. It holds what must be known before the server starts; domains, "
            "accounts, aliases and passwords are in the database and can be changed while the server runs. An "
            "unknown key is an error that suggests the nearest known one. `pillarbox init DOMAIN` writes a minimal "
            "file, `pillarbox config example` prints one with every option, and `pillarbox config show` checks the "
            "file and prints the options in effect."
        ),
        "",
        (
            "A change marked *reload* takes effect on `systemctl reload pillarbox` (SIGHUP), for new connections; "
            "no connection is dropped. A change marked *restart* takes effect when the server is restarted."
        ),
        "",
        *_table(options(Config)),
    ]
    for name, section, several in sections():
        heading = f"`[[{name}]]` (may be repeated)" if several else f"`[{name}]`"
        lines += ["", f"## {heading}", "", " ".join(_doc(section).split()), "", *_table(options(section))]
    return "\n".join(lines) + "\n"


def written(values: dict[str, object], tables: dict[str, dict[str, object]]) -> str:
    """The text of a file with these options, each table under its heading."""
    lines = [
        "# Pillarbox configuration. For every option and its meaning: pillarbox config example",
        "",
        *(f"{name} = {toml(value)}" for name, value in values.items()),
    ]
    for heading, table in tables.items():
        lines += ["", heading, *(f"{name} = {toml(value)}" for name, value in table.items())]
    return "\n".join(lines) + "\n"


def toml(value: object) -> str:
    """A value as TOML writes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case str() | Path():
            return json.dumps(str(value), ensure_ascii=False)  # TOML's basic strings are JSON's
        case tuple() | list():
            return f"[{', '.join(toml(item) for item in value)}]"
        case dict():
            inside = ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items())
            return f"{{ {inside} }}" if inside else "{}"
    raise AssertionError(f"no option is a {type(value).__name__}")


def _doc(section: type) -> str:
    return (section.__doc__ or "").strip()


def _comment(text: str) -> Iterator[str]:
    import textwrap

    return (f"# {line}" for line in textwrap.wrap(" ".join(text.split()), WIDTH))


def _example_lines(found: Iterable[Option], *, commented: bool = False) -> Iterator[str]:
    for option in found:
        unit = f" ({option.description.unit})" if option.description.unit else ""
        yield from _comment(option.description.sentence + unit)
        value = (
            option.description.example
            if option.required or option.description.example
            else toml(option.default)
        )
        yield f"{'' if option.required and not commented else '# '}{option.name} = {value}"


def _table(found: Iterable[Option]) -> Iterator[str]:
    yield "| option | type | default | description | takes effect on |"
    yield "|---|---|---|---|---|"
    for option in found:
        default = _default(option)
        unit = f", {option.description.unit}" if option.description.unit else ""
        example = f" Example: `{option.description.example}`" if option.description.example else ""
        what = f"{option.description.sentence}{example}"
        yield f"| `{option.name}` | {option.kind}{unit} | {default} | {what} | {option.description.applies} |"


def _default(option: Option) -> str:
    if option.required:
        return "required"
    return "none" if option.default is None else f"`{toml(option.default)}`"
