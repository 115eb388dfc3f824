"""Much to do for one or for many: pipelined commands, large changes, searches. Others are served meanwhile."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from tests.blocking.case import Case
from tests.blocking.target import Target
from tests.blocking.wire import Wire, last_line

MANY: Final = 64
"""Connections at once."""
READ_OCTETS: Final = 64 * 1024
MANY_MESSAGES: Final = 40_000
_TAGGED: Final = rb"^(a |\* BYE)[^\r\n]*\r\n\Z"
_SHORT: Final = b"Subject: x\r\n\r\nx\r\n"


def _pipelined(open_wire: Callable[[Target], Wire], line: bytes, octets: int) -> Callable[[Target], str]:
    """Many connections each send so many octets of this line, and then read."""

    def attack(target: Target) -> str:
        with ExitStack() as stack:
            wires = [stack.enter_context(open_wire(target)) for _ in range(MANY)]
            for wire in wires:
                wire.send(line * (READ_OCTETS // len(line)))
            if octets > READ_OCTETS:
                wires[0].exchange(line * ((octets - READ_OCTETS) // len(line)), rb"\n\Z")
            return target.all_of(
                [last_line(wire.exchange(b"", rb"\n\Z")).partition(" [")[0] for wire in wires[:1]]
            )

    return attack


def _stranger(service: str) -> Callable[[Target], Wire]:
    def opened(target: Target) -> Wire:
        wire = target.wire(service)
        wire.exchange(b"", rb"\n\Z")
        return wire

    return opened


def _command(wire: Wire, command: bytes) -> str:
    return last_line(wire.exchange(b"a " + command + b"\r\n", _TAGGED)).partition(" [")[0]


def fill(target: Target, wire: Wire, mailbox: bytes, messages: int = MANY_MESSAGES) -> None:
    """A mailbox with many messages, selected."""
    _command(wire, b"CREATE " + mailbox)
    _command(wire, b"APPEND " + mailbox + b" {%d+}\r\n" % len(_SHORT) + _SHORT)
    _command(wire, b"SELECT " + mailbox)
    count = 1
    while count < messages:
        more = min(count, messages - count)
        _command(wire, b"COPY 1:%d " % more + mailbox)
        _command(wire, b"NOOP")
        count += more


def _large_change(*commands: bytes) -> Callable[[Target], str]:
    def attack(target: Target) -> str:
        with target.imap() as wire:
            fill(target, wire, b"many")
            _command(wire, b"CREATE other")
            return target.all_of([_command(wire, command) for command in commands])

    return attack


def sparse_sets(target: Target) -> str:
    """Commands that name every other message, by number and by UID; `$` names them again and again."""
    odd = b",".join(b"%d" % number for number in range(1, 33_500, 2))
    with target.imap() as wire:
        fill(target, wire, b"many")
        _command(wire, b"CREATE other")
        commands = [
            b"FETCH " + odd + b" FLAGS",
            b"UID FETCH " + odd + b" (FLAGS) (CHANGEDSINCE 1)",
            b"UID STORE " + odd + b" +FLAGS.SILENT (\\Deleted)",
            b"SEARCH RETURN (SAVE) " + odd,
            b"SEARCH RETURN (COUNT) NOT $" + b" $" * 400,
            b"UID COPY " + odd[:30_000].rpartition(b",")[0] + b" other",
            b"UID EXPUNGE " + odd,
        ]
        wire.send(b"".join(b"p UID FETCH " + odd + b" UID\r\n" for _ in range(20)))
        return target.all_of([_command(wire, command) for command in commands])


def saved_runs(target: Target) -> str:
    """Commands for a saved result of 20,000 messages that lie apart, and sessions that hear of it in IDLE."""
    with ExitStack() as stack:
        wire = stack.enter_context(target.imap())
        fill(target, wire, b"many")
        _command(wire, b"CREATE other")
        for start in (1, 20_001):
            odd = b",".join(b"%d" % number for number in range(start, start + 19_999, 2))
            _command(wire, b"UID STORE " + odd + b" +FLAGS.SILENT (\\Flagged)")
        idle = [stack.enter_context(target.imap(mailbox="many")) for _ in range(10)]
        for one in idle:
            one.exchange(b"a IDLE\r\n", rb"^\+[^\r\n]*\r\n\Z")
        commands = [
            b"SEARCH RETURN (SAVE COUNT) FLAGGED",
            b"FETCH $ (UID FLAGS)",
            b"STORE $ +FLAGS (\\Seen)",
            b"UID STORE $ +FLAGS.SILENT (word)",
            b"FETCH $ BODY[]",
            b"STORE $ +FLAGS.SILENT (\\Deleted)",
            b"UID EXPUNGE $",
        ]
        answer = target.all_of([_command(wire, command) for command in commands])
        for one in idle:
            one.exchange(b"DONE\r\n", rb"^a OK[^\r\n]*\r\n\Z")
        return answer


def changes_at_once(target: Target) -> str:
    """Sessions of one account that each change or copy every other message of a thousand, all at once."""
    odd = b",".join(b"%d" % number for number in range(1, 1000, 2))
    with ExitStack() as stack:
        first = stack.enter_context(target.imap())
        fill(target, first, b"some", messages=1000)
        _command(first, b"CREATE other")
        wires = [stack.enter_context(target.imap(mailbox="some")) for _ in range(200)]
        answers = []
        for command in (b"UID STORE " + odd + b" +FLAGS.SILENT (\\Flagged)", b"UID COPY " + odd + b" other"):
            for wire in wires:
                wire.send(b"a " + command + b"\r\n")
            answers += [last_line(wire.exchange(b"", _TAGGED)).partition(" [")[0] for wire in wires]
        return target.all_of(answers)


def idlers(target: Target) -> str:
    """Forty sessions idle in the mailbox whose flags change."""
    with ExitStack() as stack:
        wire = stack.enter_context(target.imap())
        fill(target, wire, b"many")
        idle = [stack.enter_context(target.imap(mailbox="many")) for _ in range(40)]
        for one in idle:
            one.exchange(b"a IDLE\r\n", rb"^\+[^\r\n]*\r\n\Z")
        answer = _command(wire, b"STORE 1:* +FLAGS.SILENT (\\Flagged)")
        last = rb"^\* %d FETCH[^\r\n]*\r\n\Z" % MANY_MESSAGES
        for one in idle:
            one.exchange(b"", last)
        return answer


def resynchronization(target: Target) -> str:
    """QRESYNC of a client that has missed all that happened to a mailbox."""
    with target.imap() as wire:
        fill(target, wire, b"many")
        _command(wire, b"STORE 1:* +FLAGS.SILENT (\\Deleted)")
        got = wire.exchange(b"a STATUS many (UIDVALIDITY)\r\n", _TAGGED)
        validity = got.partition(b"UIDVALIDITY ")[2].partition(b")")[0]
        _command(wire, b"ENABLE QRESYNC")
        answers = [_command(wire, b"SELECT many (QRESYNC (%b 1))" % validity)]
        answers.append(_command(wire, b"EXPUNGE"))
        answers.append(_command(wire, b"SELECT many (QRESYNC (%b 1))" % validity))
        return target.all_of(answers)


def searches(target: Target) -> str:
    """Four heavy searches of one account; all but one of their clients leave."""
    with ExitStack() as stack:
        wires = [stack.enter_context(target.imap()) for _ in range(4)]
        body = _SHORT + b"lorem ipsum dolor sit amet\r\n" * 2000
        _command(wires[0], b"APPEND INBOX {%d+}\r\n" % len(body) + body)
        for wire in wires:
            _command(wire, b"SELECT INBOX")
        for power in range(9):
            _command(wires[0], b"COPY 1:%d INBOX" % 2**power)
        for wire in wires:
            _command(wire, b"NOOP")
            wire.send(b'a SEARCH BODY "qz"\r\n')
        for wire in wires[1:]:
            wire.close()
        return last_line(wires[0].exchange(b"", _TAGGED))


def selections(target: Target) -> str:
    """FETCH of many selections of fields from messages that have little else."""
    header = b"a:b\r\n" * 3800 + b"\r\n"
    items = b" ".join(b"BODY.PEEK[HEADER.FIELDS.NOT (x%d)]" % number for number in range(199))
    with target.imap(mailbox="INBOX") as wire:
        for _ in range(10):
            _command(wire, b"APPEND INBOX {%d+}\r\n" % len(header) + header)
        return _command(wire, b"FETCH 1:* (" + items + b")")


def names(target: Target) -> str:
    """LIST for an account with more mailboxes and subscriptions than are ordinary."""
    with target.imap() as wire:
        wire.exchange(
            b"".join(b'a SUBSCRIBE "n%d/a"\r\n' % number for number in range(3000)) + b"z NOOP\r\n",
            rb"^z OK[^\r\n]*\r\n",
        )
        return target.all_of([_command(wire, b'LIST (SUBSCRIBED) "" "*"'), _command(wire, b'LSUB "" "*"')])


def deletions(target: Target) -> str:
    """QUIT of a POP3 session that has marked many messages."""
    with target.imap(mailbox="INBOX") as wire:
        fill(target, wire, b"INBOX")
    with target.pop3() as wire:
        marks = b"".join(b"DELE %d\r\n" % number for number in range(1, MANY_MESSAGES + 1))
        return last_line(wire.exchange(marks + b"QUIT\r\n", rb"^\+OK Logging out[^\r\n]*\r\n\Z"))


def handshakes(target: Target) -> str:
    """Many connections at the port with implicit TLS that begin a handshake and wait."""
    with ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(target.wire("imaps")).send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        return target.imap_command(b"NOOP", log_in=False)


def log_ins(target: Target) -> str:
    """Many wrong passwords at once."""
    with ExitStack() as stack:
        wires = [stack.enter_context(target.imap(log_in=False)) for _ in range(200)]
        for number, wire in enumerate(wires):
            wire.send(b"a LOGIN nobody%d wrong\r\n" % number)
        return last_line(wires[0].exchange(b"", _TAGGED)).partition(" [")[0]


_TURNS: Final = "5 ms, and in turns"
CASES: Final = (
    Case(f"{MANY} strangers with 64 KiB of CAPABILITY each", "100 commands before login; " + _TURNS,
         _pipelined(_stranger("imap"), b"a CAPABILITY\r\n", READ_OCTETS)),
    Case(f"{MANY} sessions with 64 KiB of LIST each", _TURNS,
         _pipelined(Target.imap, b'a LIST "" "*"\r\n', READ_OCTETS)),
    Case(f"{MANY} sessions with 64 KiB of STATUS, one with 2 MiB", _TURNS,
         _pipelined(Target.imap, b"a STATUS INBOX (MESSAGES UNSEEN)\r\n", 2 * 1024 * 1024)),
    Case(f"{MANY} strangers with 64 KiB of CAPA each", "100 commands before login; " + _TURNS,
         _pipelined(_stranger("pop3"), b"CAPA\r\n", READ_OCTETS)),
    Case(f"{MANY} sessions with 64 KiB of UIDL, one with 2 MiB", _TURNS,
         _pipelined(Target.pop3, b"UIDL\r\n", 2 * 1024 * 1024)),
    Case(f"{MANY} strangers with 64 KiB of EHLO each", "200 commands without mail; " + _TURNS,
         _pipelined(_stranger("smtp"), b"EHLO a\r\n", READ_OCTETS)),
    Case(f"{MANY} strangers with 64 KiB of RCPT each", "20 errors; " + _TURNS,
         _pipelined(Target.smtp, b"RCPT TO:<a@b.example>\r\n", READ_OCTETS)),
    Case(f"COPY, MOVE, EXPUNGE of {MANY_MESSAGES} messages", "in a thread, 2,000 at a time",
         _large_change(b"COPY 1:* other", b"SELECT other", b"MOVE 1:* many", b"SELECT many",
                       b"STORE 1:* +FLAGS (\\Deleted)", b"EXPUNGE")),
    Case(f"RENAME of INBOX, DELETE of {MANY_MESSAGES} messages", "in a thread, 2,000 at a time",
         _large_change(b"COPY 1:* INBOX", b"RENAME INBOX old", b"DELETE old", b"CLOSE", b"DELETE many")),
    Case(f"40 sessions that IDLE hear of {MANY_MESSAGES} flags", "a thousand at a time, made once", idlers),
    Case(f"QRESYNC with {MANY_MESSAGES} changed or vanished messages", "a thousand at a time", resynchronization),
    Case(f"Commands for 16,700 single messages of {MANY_MESSAGES}", "96 KiB; 1,000 runs at once", sparse_sets),
    Case("Commands for a saved result of 20,000 single messages", "20,000 runs; 1,000 at once", saved_runs),
    Case("200 sessions that STORE or COPY 500 messages at once", "10 ms in one transaction", changes_at_once),
    Case("Four heavy searches of one account, whose clients leave", "one for each account, 0.1 s at a time", searches),
    Case("FETCH of 199 selections of fields", "8 items in the loop, 2 values of the size", selections),
    Case("LIST and LSUB of 3,000 names", "5,000 of each; 500 in the loop", names),
    Case(f"QUIT with {MANY_MESSAGES} deletions", "in a thread, 2,000 at a time", deletions),
    Case("200 TLS handshakes that stop", "30 s", handshakes),
    Case("200 wrong passwords at once", "as many Argon2 checks at once as there are cores", log_ins),
)  # fmt: skip
