"""The generated pages of the operator's manual are current, and the others name only existing commands."""

import re
from pathlib import Path

import click
import pytest

from dev import operate_pages
from pillarbox.app.cli import main
from tests.kit.paths import ROOT


@pytest.mark.parametrize("path", operate_pages.TEXTS, ids=lambda path: path.name)
def test_derived_pages_are_current(path: Path) -> None:
    assert path.read_text() == operate_pages.TEXTS[path](), "run dev/fix"


@pytest.mark.parametrize(
    "path", [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"], ids=lambda path: path.name
)
def test_commands_in_the_manual_exist(path: Path) -> None:
    for line in re.findall(r"(?:^|[`\s])pillarbox ([a-z][^`\n]*)", path.read_text()):
        words = line.split()
        command: click.Command = main
        context = click.Context(main)
        while isinstance(command, click.Group) and words and re.fullmatch(r"[a-z-]+", words[0]):
            found = command.get_command(context, words[0])
            if found is None and command is main:
                break  # running text
            assert found is not None, line
            command, words = found, words[1:]
        known = {
            option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
        } | {"--help", "--version"}
        if command is not main:
            used = {word.partition("=")[0] for word in words if word.startswith("--")}
            assert used <= known, line
