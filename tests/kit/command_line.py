"""Running commands inside a test, with their output and exit codes."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from pillarbox.app.cli import main


@dataclass(frozen=True, slots=True)
class CommandLine:
    """An installation that commands work on."""

    config: Path
    data: Path

    def run(self, *words: str, typed: str | None = None) -> Result:
        """Run a command."""
        result = CliRunner().invoke(main, [*words], input=typed, env={"PILLARBOX_CONFIG": str(self.config)})
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def text(self, *words: str, typed: str | None = None) -> str:
        """The output of a command that succeeds."""
        result = self.run(*words, typed=typed)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *words: str, typed: str | None = None) -> Any:
        """The JSON value that a command prints."""
        return json.loads(self.text(*words, "--json", typed=typed))

    def refused(self, *words: str, code: int = 1, typed: str | None = None) -> str:
        """The output of a command that fails with this exit code."""
        result = self.run(*words, typed=typed)
        assert result.exit_code == code, result.output
        return result.output


def set_up(folder: Path, *words: str, domain: str = "example.org") -> tuple[CommandLine, dict[str, Any]]:
    """An installation for a domain with the account anna, and the output of `init`."""
    there = CommandLine(folder / "pillarbox.toml", folder / "data")
    said = there.json(
        "init", domain, "--data", str(there.data), "--account", "anna", "--user", "root", *words
    )
    return there, said
