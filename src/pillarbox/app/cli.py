"""The entry point of the command line."""

import click

from pillarbox import __version__
from pillarbox.app.build import COMPILED
from pillarbox.app.commands import CommandTable


@click.group(cls=CommandTable, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pillarbox (compiled)" if COMPILED else "pillarbox")
def main() -> None:
    """Pillarbox: a complete mail provider."""
