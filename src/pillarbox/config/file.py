"""Reading and checking the configuration file. Errors are in terms of the file.

What always holds for the `Config` that is returned: every value has its type and is within its bounds, paths are
absolute, `hostname` and `domain` are A-labels in lower case, and no key of the file was ignored (an unknown key is
an error that suggests the nearest known one).
"""

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec

from pillarbox.config.names import host_name, web_url
from pillarbox.config.options import options
from pillarbox.config.relying_party import NoPasskeys, relying_party
from pillarbox.config.schema import Config, ConfigWrong, sections


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the file's name before the text of a `ConfigWrong`."""
    try:
        yield
    except ConfigWrong as wrong:
        raise ConfigWrong(f"{path}: {wrong}") from None


def read(path: Path) -> Config:
    """Read and check the file. Raises `ConfigWrong`."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigWrong(
            f"There is no configuration file {path}. Create one with: pillarbox init DOMAIN, "
            "or name another: --config FILE"
        ) from None
    except (OSError, UnicodeDecodeError) as failure:
        raise ConfigWrong(f"Can't read {path}: {failure}") from None
    return parse(text, path)


def parse(text: str, path: Path) -> Config:
    """Check the text of the file at this path, to whose folder its paths are relative. Raises `ConfigWrong`."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigWrong(f"{path} is not valid TOML: {error}") from None
    _refuse_unknown(table, path)

    def hook(kind: type, value: Any) -> Any:
        if kind is Path and isinstance(value, str):
            return path.parent.absolute() / value
        raise ValueError(f"Expected a path in quotes, got `{type(value).__name__}`")

    try:
        config = msgspec.convert(table, Config, dec_hook=hook)
    except msgspec.ValidationError as error:
        raise ConfigWrong(f"{path}: {_in_toml_terms(str(error))}") from None
    with naming(path):
        sealers = config.authentication.trusted_sealers
        trusted = tuple([host_name(sealer, "authentication.trusted_sealers") for sealer in sealers])
        url, passkeys = web_url(config.http.url, "http.url"), config.http.passkey_domain
        if passkeys:
            passkeys = host_name(passkeys, "http.passkey_domain")
        checked = replace(
            config,
            hostname=host_name(config.hostname, "hostname"),
            domain=host_name(config.domain, "domain"),
            http=replace(config.http, url=url, passkey_domain=passkeys),
            authentication=replace(config.authentication, trusted_sealers=trusted),
        )
        if passkeys and relying_party(checked) is NoPasskeys.NOT_IN_DOMAIN:
            raise ConfigWrong(
                f"'http.passkey_domain': '{passkeys}' is neither the host of {checked.web_url} nor a domain above it"
            )
        return checked


def _refuse_unknown(table: Mapping[str, Any], path: Path) -> None:
    tables = {name: section for name, section, _several in sections()}
    _check_keys(table, Config, "", path)
    for name, section in tables.items():
        found = table.get(name)
        for entry in found if isinstance(found, list) else [found]:
            if isinstance(entry, dict):
                _check_keys(entry, section, f"{name}.", path)


def _keys(section: type) -> list[str]:
    """The known keys of a table."""
    tables = [name for name, _section, _several in sections()] if section is Config else []
    return [*(option.name for option in options(section)), *tables]


def _check_keys(table: Mapping[str, Any], section: type, prefix: str, path: Path) -> None:
    known = _keys(section)
    for key in table:
        if key in known:
            continue
        hint = get_close_matches(key, known, 1, 0.5)
        elsewhere = [name for name, other, _ in sections() if key in _keys(other)]
        if elsewhere and not prefix:
            advice = f"It belongs under [{elsewhere[0]}]."
        elif hint:
            advice = f"Did you mean '{prefix}{hint[0]}'?"
        else:
            advice = f"Known options: {', '.join(known)}."
        raise ConfigWrong(f"{path}: unknown option '{prefix}{key}'. {advice}")


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
        return f"'{f'{place}.' if at and place else ''}{name}' is required"
    if what.startswith("Invalid enum value"):
        what = f"{what}. It is {_kind_of(where.strip('`$.'))}"
    for term, meaning in _TOML_TERMS.items():
        what = what.replace(term, meaning)
    return f"'{where.strip('`$.')}': {what[0].lower()}{what[1:]}" if at else what


def _kind_of(name: str) -> str:
    """The kind of the option `table.key`."""
    table, _, key = name.rpartition(".")
    section = next(section for known, section, _ in sections() if known == table)
    return next(option.kind for option in options(section) if option.name == key)
