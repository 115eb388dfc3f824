"""Completion in the shell: what `pillarbox completion` prints works in that shell."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pillarbox.app.cli import main
from pillarbox.app.commands import COMMANDS


def completed(*words: str, folder: Path) -> list[str]:
    """What bash offers for the last word."""
    program = folder / "pillarbox"
    program.write_text(
        f"#!{sys.executable}\nfrom pillarbox.app.cli import main\nmain(prog_name='pillarbox')\n"
    )
    program.chmod(0o755)
    script = folder / "completion.bash"
    script.write_text(CliRunner().invoke(main, ["completion", "bash"]).output)
    line = f"""
        source {script}
        COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}
        _pillarbox_completion pillarbox; printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", line], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.split()


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["pillarbox", "qu"], ["queue"]),
        (["pillarbox", "--ver"], ["--version"]),
        (["pillarbox", "queue", "lis"], ["list"]),
        (["pillarbox", "serve", "--work"], ["--workers"]),
        (["pillarbox", "export", "--format", "mb"], ["mbox"]),
    ],
)
def test_bash_completes(words: list[str], offered: list[str], tmp_path: Path) -> None:
    assert completed(*words, folder=tmp_path) == offered


def test_names_of_commands_are_completed_without_importing_them(tmp_path: Path) -> None:
    check = (
        "import sys\n"
        "from pillarbox.app.cli import main\n"
        "try: main(prog_name='pillarbox')\n"
        "except SystemExit: pass\n"
        "print(*[name for name in sys.modules if name.startswith('pillarbox.app.commands.')], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", check],
        env=os.environ
        | {"_PILLARBOX_COMPLETE": "fish_complete", "COMP_WORDS": "pillarbox", "COMP_CWORD": ""},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr.split() == []
    offered = [line.split("\t")[0].removeprefix("plain,") for line in done.stdout.splitlines()]
    assert offered[: len(COMMANDS)] == list(COMMANDS)


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_a_script(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell])
    assert result.exit_code == 0
    assert "_PILLARBOX_COMPLETE" in result.output
