"""Texts about the configuration, all derived from its fields: an example with every option, a page of the
manual, and the file that `init` writes.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from pillarbox.config.schema import DEFAULT_PATH, Config, Option, options, sections

WIDTH = 100
"""Columns of the example's comments."""


def example() -> str:
    """Every option with its sentence and default; those that must be given are filled in for example.org."""
    lines = ["# Every option of Pillarbox with its default. Only those without a # must be given.", ""]
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
        "<!-- Written by dev/operate_pages.py from the fields of config/schema.py: change it there. -->",
        "",
        (
            f"One TOML file, `{DEFAULT_PATH}` unless `--config FILE` or the environment's `PILLARBOX_CONFIG` names "
            "another. It holds what must be known before Pillarbox starts; domains, accounts, aliases and passwords "
            "live in the database and change while it runs. A key that is not known is an error, which names the "
            "nearest one. `pillarbox init DOMAIN` writes a file that is enough; "
            "`pillarbox config example` prints one with every option."
        ),
        "",
        (
            "*reload*: a change applies at `systemctl reload pillarbox` (SIGHUP), to connections made from then on; "
            "nobody is disconnected. *restart*: it takes a restart."
        ),
        "",
        *_table(options(Config)),
    ]
    for name, section, several in sections():
        heading = f"`[[{name}]]`, any number of them" if several else f"`[{name}]`"
        lines += ["", f"## {heading}", "", " ".join(_doc(section).split()), "", *_table(options(section))]
    return "\n".join(lines) + "\n"


def written(values: dict[str, object], tables: dict[str, dict[str, object]]) -> str:
    """A file of these options, each table under its heading."""
    lines = [
        "# The configuration of Pillarbox. Every option, with what it means: pillarbox config example",
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
            return f"[{', '.join(toml(one) for one in value)}]"
        case dict():
            inside = ", ".join(f"{json.dumps(key)} = {toml(one)}" for key, one in value.items())
            return f"{{ {inside} }}" if inside else "{}"
    raise AssertionError(f"no option is a {type(value).__name__}")


def _doc(section: type) -> str:
    return (section.__doc__ or "").strip()


def _comment(text: str) -> Iterator[str]:
    import textwrap

    return (f"# {line}" for line in textwrap.wrap(" ".join(text.split()), WIDTH))


def _example_lines(found: Iterable[Option], *, commented: bool = False) -> Iterator[str]:
    for option in found:
        unit = f" ({option.says.unit})" if option.says.unit else ""
        yield from _comment(option.says.sentence + unit)
        value = option.says.example if option.required or option.says.example else toml(option.default)
        yield f"{'' if option.required and not commented else '# '}{option.name} = {value}"


def _table(found: Iterable[Option]) -> Iterator[str]:
    yield "| option | type | default | what it is | applies at |"
    yield "|---|---|---|---|---|"
    for option in found:
        default = _default(option)
        unit = f", {option.says.unit}" if option.says.unit else ""
        example = f" Example: `{option.says.example}`" if option.says.example else ""
        what = f"{option.says.sentence}{example}"
        yield f"| `{option.name}` | {option.kind}{unit} | {default} | {what} | {option.says.applies} |"


def _default(option: Option) -> str:
    if option.required:
        return "must be given"
    return "none" if option.default is None else f"`{toml(option.default)}`"
