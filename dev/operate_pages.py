"""Writes the generated pages of `docs/operate/`: options from the configuration's fields, commands from click,
permissions from the declarations of verbs; and the manual pages, from the same texts.

`python dev/operate_pages.py` writes the pages; `--check` tells which are not current.
"""

import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

import pillarbox.admin  # noqa: E402 - after the path to it is known
from dev import man  # noqa: E402 - likewise
from pillarbox.admin.permissions import ANYBODY, DECLARED, OPERATOR, Declaration, Who  # noqa: E402 - likewise
from pillarbox.app.cli import main  # noqa: E402 - likewise
from pillarbox.app.commands import COMMANDS  # noqa: E402 - likewise
from pillarbox.config.schema import DEFAULT_PATH  # noqa: E402 - likewise
from pillarbox.config.text import example, page  # noqa: E402 - likewise

FOLDER = ROOT / "docs" / "operate"
MANUAL = ROOT / "packaging" / "man"
INTRODUCTION = (
    "Every command has `--help`. Commands that work on an installation take `--config FILE` (default: the "
    f"environment variable `PILLARBOX_CONFIG`, then `{DEFAULT_PATH}`) and `--json`, for output that programs can "
    "read. They can be used while the server runs: changes take effect at once, and connected clients see them."
)
OF_EVERY_COMMAND = {"help", "config_path", "as_json"}


def commands() -> str:
    """All commands with their arguments and options."""
    lines = [
        "# Commands",
        "",
        "<!-- Written by dev/operate_pages.py from the commands themselves. -->",
        "",
        INTRODUCTION,
        "",
        "Exit codes: 0 success; 1 failure, or problems found; 2 usage error; 3, of `status`: the server does not run.",
    ]
    context = click.Context(main, info_name="pillarbox")
    section = ""
    for name, row in COMMANDS.items():
        if row.section != section:
            section = row.section
            lines += ["", f"## {section}"]
        command = main.get_command(context, name)
        assert command is not None
        lines += _command(command, click.Context(command, parent=context, info_name=name))
    return "\n".join(lines) + "\n"


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    if not isinstance(command, click.Group):
        yield from ("", f"### `{_usage(command, context)}`", "", _paragraphs(command.help))
        yield from _options(command, context)
        return
    for name in command.list_commands(context):
        sub = command.get_command(context, name)
        assert sub is not None
        yield from _command(sub, click.Context(sub, parent=context, info_name=name))


def _usage(command: click.Command, context: click.Context) -> str:
    arguments = (
        argument.make_metavar(context) for argument in command.params if isinstance(argument, click.Argument)
    )
    return " ".join((context.command_path, *arguments))


def _paragraphs(text: str | None) -> str:
    paragraphs = (text or "").replace("\b", "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    records = (
        option.get_help_record(context)
        for option in command.params
        if isinstance(option, click.Option) and option.name not in OF_EVERY_COMMAND
    )
    found = [record for record in records if record]
    if found:
        yield ""
        yield from (f"- `{syntax}`: {' '.join(text.split())}" for syntax, text in found)


def permissions() -> str:
    """All verbs of `admin/` that somebody may use without operating the machine."""
    for found in pkgutil.walk_packages(pillarbox.admin.__path__, "pillarbox.admin."):
        importlib.import_module(found.name)
    lines = [
        "# Permissions",
        "",
        "<!-- Written by dev/operate_pages.py from what the verbs declare. -->",
        "",
        (
            "What each [role](roles.md) may do. Administrators of the domain are those of each domain that it is "
            "about; owners are administrators of all domains. Whoever operates the machine may do everything, by the "
            "command line, and nobody else may do what is not listed here."
        ),
        "",
        "| verb | what it does | who | about |",
        "|---|---|---|---|",
    ]
    rows = [
        _permission(verb, declared) for verb, declared in DECLARED.items() if OPERATOR not in declared.who
    ]
    return "\n".join([*lines, *sorted(rows)]) + "\n"


def _permission(verb: Callable[..., object], declared: Declaration) -> str:
    room = verb.__module__.removeprefix("pillarbox.").removeprefix("admin.")
    sentence = " ".join((verb.__doc__ or "").split()).split(". ")[0].rstrip(".")
    who = "; ".join(each.value for each in Who if each in declared.who)
    nothing = "whom its link is for" if ANYBODY in declared.who else "the provider"
    about = "; ".join(dict.fromkeys(concern.words for concern in declared.of)) or nothing
    return f"| `{room}.{verb.__name__}` | {sentence} | {who} | {about} |"


TEXTS: dict[Path, Callable[[], str]] = {
    FOLDER / "configuration.md": page,
    FOLDER / "pillarbox.toml": example,
    FOLDER / "commands.md": commands,
    FOLDER / "permissions.md": permissions,
    MANUAL / "pillarbox.1": lambda: man.page("pillarbox", 1, "a complete mail provider", commands()),
    MANUAL / "pillarbox.toml.5": lambda: man.page(
        "pillarbox.toml", 5, "configuration of pillarbox(1)", page()
    ),
}


def write_or_check() -> int:
    """Write or check the pages. The exit code is 1 if one is not current."""
    if "--check" in sys.argv:
        stale = [
            path for path, text in TEXTS.items() if not path.exists() or path.read_text("utf-8") != text()
        ]
        for path in stale:
            print(f"{path.relative_to(ROOT)} is not current: run dev/fix")
        return bool(stale)
    for path, text in TEXTS.items():
        path.write_text(text(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(write_or_check())
