"""`pillarbox config`: all options, and those in effect."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from pillarbox.app.commands.installation import Installation, on_installation

if TYPE_CHECKING:
    from pillarbox.config.schema import Config


@click.group("config")
def command() -> None:
    """Show the configuration."""


@command.command("example")
def example() -> None:
    """Print an example file with every option, its meaning and its default."""
    from pillarbox.config.text import example as text

    click.echo(text(), nl=False)


@command.command("show")
@on_installation
def show(installation: Installation) -> None:
    """Check the configuration file and print the options in effect."""
    config = installation.resolved.config  # resolved, for that checks more
    installation.show(_in_effect(config), "\n".join(_shown(config)))


def _in_effect(config: "Config") -> dict[str, object]:
    """What the file can say; not the fields that only the demo and tests set."""
    from pillarbox.config.options import options
    from pillarbox.config.schema import Config, sections

    names = [one.name for one in options(Config)] + [name for name, _section, _several in sections()]
    return {name: getattr(config, name) for name in names}


def _shown(config: "Config") -> Iterator[str]:
    from pillarbox.config.options import options
    from pillarbox.config.schema import Config, sections

    tables = {name: several for name, _section, several in sections()}
    yield from _values(config, [option.name for option in options(Config)])
    for name, several in tables.items():
        found = getattr(config, name)
        for section in found if several else (found,):
            yield from ("", f"[[{name}]]" if several else f"[{name}]")
            yield from _values(section, [part.name for part in options(type(section))])


def _values(section: object, names: Iterable[str]) -> Iterator[str]:
    from pillarbox.config.text import toml

    for name in names:
        value = getattr(section, name)
        if value is not None:
            yield f"{name} = {toml(value)}"
