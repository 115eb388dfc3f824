"""The command line. Each command loads what it needs when it runs, so that help and the demo start at once."""

import click

from pillarbox import __version__
from pillarbox.app.commands import Families


@click.group(cls=Families, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="pillarbox")
def main() -> None:
    """Pillarbox: a whole mail provider."""
