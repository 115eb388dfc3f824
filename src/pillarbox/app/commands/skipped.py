"""What an import could not bring, as commands show and report it."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from pillarbox.app.commands.installation import counted
from pillarbox.mail.visible import visible

if TYPE_CHECKING:
    from pillarbox.admin.fitting_flags import LeftOut
    from pillarbox.admin.importing.run import ImportResult
    from pillarbox.admin.importing.source import SkippedMessage

MAX_SHOWN: Final = 20
"""Those that are printed; `--json` and `--report` list more."""


def skipped_lines(imported: "ImportResult") -> list[str]:
    """For people: how many, and the first of them."""
    if not imported.skipped:
        return []
    lines = [f"{len(imported.skipped) + imported.unlisted} could not be imported:"]
    lines += [f"  {line(message)}" for message in imported.skipped[:MAX_SHOWN]]
    if len(imported.skipped) > MAX_SHOWN:
        lines.append("  ... For the whole list: --report FILE")
    return lines


def skipped_data(imported: "ImportResult") -> dict[str, object]:
    """For `--json`."""
    return {
        "unlisted": imported.unlisted,
        "skipped": [{"where": message.where, "why": message.why} for message in imported.skipped],
    }


def left_out_lines(left_out: "LeftOut") -> list[str]:
    """For people: how many messages came without some of their keywords, and which."""
    if not left_out.messages:
        return []
    named = sorted(left_out.keywords)
    shown = " ".join(named[:MAX_SHOWN]) + (" ..." if len(named) > MAX_SHOWN else "")
    messages = counted(left_out.messages, "message")
    return [f"{messages} stored without some keywords, of which the mailbox has too many: {visible(shown)}"]


def left_out_data(left_out: "LeftOut") -> dict[str, object]:
    """For `--json`."""
    return {"without_keywords": left_out.messages, "keywords_left_out": sorted(left_out.keywords)}


def write_report(path: Path, imported: "ImportResult") -> None:
    """A line for each message. Raises OSError."""
    from pillarbox.app.privileges import as_invoker

    lines = [line(message) for message in imported.skipped]
    if imported.unlisted:
        lines.append(f"... and {imported.unlisted} more")
    with as_invoker():
        path.write_text("".join(f"{one}\n" for one in lines), encoding="utf-8")


def line(message: "SkippedMessage") -> str:
    """Where it is, and why it could not be imported, in one line."""
    return visible(f"{message.where}: {message.why}")
