"""Reading the configuration file, and saying what is wrong with it in terms of the file.

Always true of the `Config` that comes out: every value is of its type and within its bounds, paths are absolute,
and no key of the file was passed over: one that is not known is an error that names the nearest.
"""

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec

from pillarbox.config.schema import Config, ConfigWrong, options, sections


def read(path: Path) -> Config:
    """Read and check the file. Raises `ConfigWrong`."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigWrong(
            f"There is no configuration at {path}. Make one with: pillarbox init DOMAIN, "
            "or say where it is: --config FILE"
        ) from None
    except (OSError, UnicodeDecodeError) as failure:
        raise ConfigWrong(f"{path} can't be read: {failure}") from None
    return parse(text, path)


def parse(text: str, path: Path) -> Config:
    """Check the text of a file that lies, or will lie, at this path. Raises `ConfigWrong`."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigWrong(f"{path} is not TOML: {error}") from None
    _refuse_unknown(table, path)

    def hook(kind: type, value: Any) -> Any:
        if kind is Path and isinstance(value, str):
            return path.parent.absolute() / value
        raise ValueError(f"Expected a path in quotes, got `{type(value).__name__}`")

    try:
        return msgspec.convert(table, Config, dec_hook=hook)
    except msgspec.ValidationError as error:
        raise ConfigWrong(f"{path}: {_in_toml_terms(str(error))}") from None


def _refuse_unknown(table: Mapping[str, Any], path: Path) -> None:
    tables = {name: section for name, section, _several in sections()}
    _check_keys(table, Config, "", path)
    for name, section in tables.items():
        found = table.get(name)
        for one in found if isinstance(found, list) else [found]:
            if isinstance(one, dict):
                _check_keys(one, section, f"{name}.", path)


def _keys(section: type) -> list[str]:
    """The keys that a table may have."""
    tables = [name for name, _section, _several in sections()] if section is Config else []
    return [*(option.name for option in options(section)), *tables]


def _check_keys(table: Mapping[str, Any], section: type, prefix: str, path: Path) -> None:
    known = _keys(section)
    for key in table:
        if key in known:
            continue
        hint = get_close_matches(key, known, 1, 0.5)
        elsewhere = [name for name, other, _ in sections() if key in _keys(other)]
        if hint:
            advice = f"Did you mean '{prefix}{hint[0]}'?"
        elif elsewhere and not prefix:
            advice = f"It belongs under [{elsewhere[0]}]."
        else:
            advice = f"Known are: {', '.join(known)}."
        raise ConfigWrong(f"{path}: there is no option '{prefix}{key}'. {advice}")


_TOML_TERMS = {
    "`int`": "a number",
    "`str`": "a text in quotes",
    "`bool`": "true or false",
    "`array`": "a list",
}


def _in_toml_terms(text: str) -> str:
    what, at, where = text.partition(" - at ")
    if "missing required field" in what:
        name = what.rsplit(" ", 1)[1].strip("`")
        place = where.strip("`$.")
        return f"'{f'{place}.' if at and place else ''}{name}' must be given"
    for term, meaning in _TOML_TERMS.items():
        what = what.replace(term, meaning)
    return f"'{where.strip('`$.')}': {what[0].lower()}{what[1:]}" if at else what
