"""Writes `docs/states/`: the transition tables of the protocols, from the tables that the server runs on.

`python dev/state_pages.py` writes the pages; `--check` tells which are not current. A further table is one
more entry in `PAGES`.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

from pillarbox.protocol.http import states as http  # noqa: E402 - after the path to it is known
from pillarbox.protocol.imap import command_table as imap  # noqa: E402 - likewise
from pillarbox.protocol.imap.client import states as imap_client  # noqa: E402 - likewise
from pillarbox.protocol.imap.states import State as ImapState  # noqa: E402 - likewise
from pillarbox.protocol.pop3 import states as pop3  # noqa: E402 - likewise
from pillarbox.protocol.smtp import states as smtp  # noqa: E402 - likewise
from pillarbox.protocol.smtp.client import states as client  # noqa: E402 - likewise
from pillarbox.protocol.smtp.client.replies import ReplyKind  # noqa: E402 - likewise
from pillarbox.protocol.smtp.commands import Verb  # noqa: E402 - likewise
from pillarbox.server.pump import phases as pump  # noqa: E402 - likewise

FOLDER = ROOT / "docs" / "states"


@dataclass(frozen=True, slots=True)
class StatePage:
    """A page with one table."""

    name: str
    """The page is `docs/states/NAME.md`."""
    title: str
    module: ModuleType
    """Where the table is defined."""
    table: str
    """The name of the table there."""
    introduction: str
    """How the cells are read."""
    rows: Mapping[str, Any]
    """Label to what the row is about."""
    columns: Mapping[str, Any]
    cell: Callable[[Any, Any], str]
    """The text for a row and a column."""
    notes: str
    """What the table does not show."""

    @property
    def path(self) -> Path:
        """Where the page is."""
        return FOLDER / f"{self.name}.md"

    def text(self) -> str:
        """The page as it should be."""
        source = Path(str(self.module.__file__)).relative_to(ROOT).as_posix()
        lines = [
            f"# {self.title}",
            "",
            f"<!-- Written by dev/state_pages.py from {self.table} in {source}: change it there. -->",
            "",
            self.introduction,
            "",
            "| | " + " | ".join(self.columns) + " |",
            "|---|" + "---|" * len(self.columns),
        ]
        for label, row in self.rows.items():
            cells = (self.cell(row, column) for column in self.columns.values())
            lines.append(f"| **{label}** | " + " | ".join(cells) + " |")
        return "\n".join([*lines, "", self.notes]) + "\n"


# --- cells


def _smtp(state: smtp.State, verb: Verb) -> str:
    step = smtp.TABLE[state, verb]
    return step.value if isinstance(step, smtp.State) else str(step.code)


def _imap(row: imap.Row, state: ImapState) -> str:
    after = row.transitions.get(state, ())
    return " / ".join(state.value for state in ImapState if state in after) or "-"


def _pop3(command: type, state: pop3.State) -> str:
    after = pop3.TABLE.get((state, command))
    if after is None:
        return "-"
    ok, error = after.ok.name.lower(), after.error.name.lower()
    return ok if ok == error else f"{ok} / {error}"


def _http(state: http.State, step: http.Step) -> str:
    after = http.TABLE.get((state, step))
    return "-" if after is None else after.value


def _client(state: client.State, kind: ReplyKind | None) -> str:
    return f"{client.DEADLINE_S[state]:g}" if kind is None else client.TABLE[state, kind].value


def _imap_client(state: imap_client.State, kind: imap_client.Kind | None) -> str:
    if kind is None:
        return f"{imap_client.DEADLINE_S[state]:g}"
    return imap_client.TABLE[state, kind].value


def _pump(event: pump.Event, phase: pump.Phase) -> str:
    step = pump.TABLE[event, phase]
    does = "" if step.action is pump.Action.NOTHING else _words(step.action)
    leads = "" if step.then is phase else f"→ {step.then.name.lower()}"
    return " ".join(filter(None, (does, leads))) or "-"


def _words(action: pump.Action) -> str:
    return action.name.lower().replace("_", " ")


def _yes(fact: bool) -> str:
    return "yes" if fact else ""


def _phases() -> str:
    rows = (
        f"| **{phase.name.lower()}** | {phase.meaning} | {_yes(phase.at_work)} | {_yes(phase.open)} |"
        for phase in pump.Phase
    )
    return "\n".join(["| phase | meaning | handler at work | open |", "|---|---|---|---|", *rows])


def _events_and_actions() -> str:
    events = (f"- **{event.name}**: {pump.EVENT_MEANINGS[event]}" for event in pump.Event)
    actions = (
        f"- *{_words(action)}*: {action.value}" for action in pump.Action if action is not pump.Action.NOTHING
    )
    return "\n".join([*events, "", *actions])


# --- pages

PAGES = (
    StatePage(
        name="smtp",
        title="States of the SMTP server",
        module=smtp,
        table="TABLE",
        introduction=(
            "A row is a state, a column a command. A word is the next state if the command succeeds (a command\n"
            "that is refused changes nothing); a number is the code of the reply that refuses it in this state."
        ),
        rows={state.value: state for state in smtp.State},
        columns={verb.value: verb for verb in Verb},
        cell=_smtp,
        notes=(
            "Transitions that are not commands: the end of DATA leads from `data` to `idle`; an accepted BDAT chunk\n"
            "to `chunks`, the last one to `idle`, a refused one to `failed` until the last; the end of an AUTH\n"
            "exchange from `auth` to `idle`; a TLS handshake from `tls` to `start`."
        ),
    ),
    StatePage(
        name="imap",
        title="States of the IMAP server",
        module=imap,
        table="COMMANDS",
        introduction=(
            "A row is a command, a column a state (RFC 9051 §3). A cell lists the states in which the command may\n"
            "leave the connection. A dash: the command is answered BAD and changes nothing."
        ),
        rows={verb.decode(): row for verb, row in imap.COMMANDS.items()},
        columns={state.value: state for state in ImapState if state is not ImapState.LOGOUT},
        cell=_imap,
        notes=(
            "Transitions that are not commands: when another session deletes the selected mailbox, `selected` may\n"
            "end at any time; BYE ends every state. In `logout` nothing more is answered."
        ),
    ),
    StatePage(
        name="pop3",
        title="States of the POP3 server",
        module=pop3,
        table="TABLE",
        introduction=(
            "A row is a command, a column a state. A cell is the next state after `+OK` and, behind a slash, after\n"
            "`-ERR` where that is another one. A dash: the command is answered `-ERR` and changes nothing."
        ),
        rows={kind.__name__.upper(): kind for kind in dict.fromkeys(kind for _, kind in pop3.TABLE)},
        columns={state.name.lower(): state for state in pop3.State if state is not pop3.State.ENDED},
        cell=_pop3,
        notes=(
            "An unknown command, or one with malformed arguments, is answered `-ERR` in every state. A challenge\n"
            "(`+ ...`) leads to `exchange`; a line that is too long ends the exchange."
        ),
    ),
    StatePage(
        name="smtp-client",
        title="States of the SMTP client",
        module=client,
        table="TABLE",
        introduction=(
            "A row is a state, a column the kind of a reply: positive (2yz), continue (3yz), transient (4yz) or\n"
            "permanent (5yz) error, 421, and what is not a valid reply. A cell is what the client does. The last\n"
            "column is how long a reply may take, in seconds (RFC 5321 §4.5.3.2)."
        ),
        rows={state.value: state for state in client.State},
        columns={**{kind.value: kind for kind in ReplyKind}, "seconds": None},
        cell=_client,
        notes=(
            "Transitions that are not replies: STARTTLS leads from `ready` to `starttls`, and a TLS handshake from\n"
            "`tls` to `ehlo`; AUTH from `ready` to `auth`; a transaction from `ready` to `envelope`; sending the\n"
            "message from `body` to `content`; QUIT from `ready` to `quit`. A lost connection, or a reply that does\n"
            "not come in time, leads from every state to `closed`."
        ),
    ),
    StatePage(
        name="imap-client",
        title="States of the IMAP client",
        module=imap_client,
        table="TABLE",
        introduction=(
            "A row is a state, a column the kind of a response. A cell is what the client does. The last column is\n"
            "how long the server may send nothing, in seconds."
        ),
        rows={state.value: state for state in imap_client.State},
        columns={**{kind.value: kind for kind in imap_client.Kind}, "seconds": None},
        cell=_imap_client,
        notes=(
            "Transitions that are not responses: STARTTLS leads from `ready` to `starttls`, and a TLS handshake from\n"
            "`tls` to `capability`; AUTHENTICATE and LOGIN from `ready` to `login`; LOGOUT from `ready` to `logout`.\n"
            "A lost connection, or a server that sends nothing for too long, leads from every state to `closed`."
        ),
    ),
    StatePage(
        name="http",
        title="States of the HTTP server",
        module=http,
        table="TABLE",
        introduction=(
            "A row is what comes next on a connection, a column what has been read or decided; a word is what comes\n"
            "then. A head without a body is followed by the next one; `-` can't be."
        ),
        rows={state.value: state for state in http.State},
        columns={step.value: step for step in http.Step},
        cell=_http,
        notes="Requests are answered one after another: the next head is read when the last response was sent.",
    ),
    StatePage(
        name="pump",
        title="Phases of a connection",
        module=pump,
        table="TABLE",
        introduction=(
            f"{_phases()}\n\n"
            "A row is an event, a column a phase. A cell is what the pump does, and the next phase where it is\n"
            "another one. A dash: nothing happens."
        ),
        rows={event.name: event for event in pump.Event},
        columns={phase.name.lower(): phase for phase in pump.Phase},
        cell=_pump,
        notes=_events_and_actions(),
    ),
)


def main() -> int:
    """Write or check the pages. The exit code is 1 if one is not current."""
    if "--check" in sys.argv:
        stale = [
            page for page in PAGES if not page.path.exists() or page.path.read_text("utf-8") != page.text()
        ]
        for page in stale:
            print(f"{page.path.relative_to(ROOT)} is not current: run dev/fix")
        return bool(stale)
    for page in PAGES:
        page.path.write_text(page.text(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
