"""The commands that `growth.py` measures: what is sent, and what must be done before it each time."""

from collections.abc import Callable
from dataclasses import dataclass

from instructions import Client, Imap, Smtp, message

USER = "u0@one.example"
Step = Callable[[], object]


class Bench:
    """A server and its clients; unless it has just started, they have the INBOX selected."""

    def __init__(self, ports: dict[str, int], *, cold: bool) -> None:
        self.ports, self.cold = ports, cold
        self.client, self.other = self.session(), self.session()
        self.smtp = Smtp(ports["smtp"])
        self.turn = 0

    def session(self) -> Imap:
        client = Imap(self.ports["imap"])
        client.command("ENABLE QRESYNC")
        if not self.cold:
            client.command("SELECT INBOX")
        return client

    def do(self, text: str) -> Step:
        return lambda: self.client.command(text)

    def exists(self) -> int:
        answer = self.client.command("STATUS INBOX (MESSAGES)")
        return int(answer.partition(b"(MESSAGES ")[2].partition(b")")[0])

    def store(self, numbers: Callable[[], str], flag: str = "\\Flagged") -> Step:
        def request() -> None:
            self.turn += 1
            self.client.command(f"STORE {numbers()} {'+-'[self.turn % 2]}FLAGS.SILENT ({flag})")

        return request

    def last(self, count: int) -> str:
        return f"{self.exists() - count + 1}:{self.exists()}"

    def pop3(self) -> Client:
        client = Client(self.ports["pop3"])
        for line in (b"", f"USER {USER}\r\n".encode(), b"PASS secret\r\n"):
            client.ask(line, rb"\+OK[^\r]*\r\n$")
        return client


@dataclass(frozen=True)
class Case:
    """A command; `make` returns what is measured, and what must be done before it each time."""

    make: Callable[[Bench], tuple[Step, Step]]
    rounds: int = 9
    per_message: bool = False
    fresh: bool = False
    """Whether the mailbox has to be as it was filled."""
    cold: bool = False
    """Whether the server starts anew each time."""


def nothing() -> None:
    pass


def plain(text: str) -> Callable[[Bench], tuple[Step, Step]]:
    return lambda bench: (bench.do(text), nothing)


def on_some(text: str, numbers_of: Callable[[Bench], str]) -> Callable[[Bench], tuple[Step, Step]]:
    """A command about some messages; where it removes them, others have their numbers each time."""

    def make(bench: Bench) -> tuple[Step, Step]:
        numbers = ""

        def before() -> None:
            nonlocal numbers
            bench.client.command("NOOP")
            numbers = numbers_of(bench)
            if "EXPUNGE" in text:
                bench.client.command(f"STORE {numbers} +FLAGS.SILENT (\\Deleted)")

        return lambda: bench.client.command(text.format(numbers)), before

    return make


def on_last(text: str, count: int) -> Callable[[Bench], tuple[Step, Step]]:
    return on_some(text, lambda bench: bench.last(count))


def since(text: str) -> Callable[[Bench], tuple[Step, Step]]:
    """A command that asks what changed since a MODSEQ, when 60 messages have."""

    def make(bench: Bench) -> tuple[Step, Step]:
        modseq = 0

        def before() -> None:
            nonlocal modseq
            answer = bench.client.command("SELECT INBOX")
            modseq = int(answer.partition(b"HIGHESTMODSEQ ")[2].partition(b"]")[0])
            validity.append(int(answer.partition(b"UIDVALIDITY ")[2].partition(b"]")[0]))
            bench.store(lambda: bench.last(60))()

        return lambda: bench.client.command(text.format(modseq=modseq, validity=validity[-1])), before

    validity: list[int] = []
    return make


def wake_up(bench: Bench) -> tuple[Step, Step]:
    waiting = bench.session()
    waiting.ask(b"a IDLE\r\n", rb"\+[^\r]*\r\n$")

    def request() -> None:
        bench.smtp.send(message(600, 2), USER)
        waiting.ask(b"", rb"EXISTS")

    return request, nothing


def log_in(bench: Bench) -> tuple[Step, Step]:
    return lambda: bench.pop3().ask(b"STAT\r\n", rb"\+OK[^\r]*\r\n$"), nothing


def unique_ids(bench: Bench) -> tuple[Step, Step]:
    client = bench.pop3()
    return lambda: client.ask(b"UIDL\r\n", rb"\r\n\.\r\n$"), nothing


CASES = {
    "SELECT": Case(plain("SELECT INBOX")),
    "SELECT (QRESYNC)": Case(since("SELECT INBOX (QRESYNC ({validity} {modseq}))")),
    "APPEND": Case(lambda b: (lambda: b.client.append(message(600, 3)), nothing), 30),
    "APPEND by another, then NOOP": Case(
        lambda b: (b.do("NOOP"), lambda: b.other.append(message(600, 3))), 20
    ),
    "SMTP delivery": Case(lambda b: (lambda: b.smtp.send(message(600, 4), USER), nothing), 30),
    "SMTP delivery to IDLE": Case(wake_up, 30),
    "STORE of 1": Case(lambda b: (b.store(lambda: "77"), nothing), 20),
    "STORE of all": Case(lambda b: (b.store(lambda: "1:*"), nothing), 4, per_message=True),
    "FETCH FLAGS of 60": Case(on_last("FETCH {} (UID FLAGS)", 60)),
    "FETCH FLAGS of all": Case(plain("FETCH 1:* (UID FLAGS)"), 4, per_message=True),
    "FETCH FLAGS CHANGEDSINCE": Case(since("FETCH 1:* (FLAGS) (CHANGEDSINCE {modseq})")),
    "FETCH ENVELOPE of 60": Case(on_last("FETCH {} (UID FLAGS ENVELOPE RFC822.SIZE)", 60)),
    "SEARCH UNSEEN": Case(plain("SEARCH RETURN (COUNT) UNSEEN"), per_message=True),
    "SEARCH SINCE": Case(plain("SEARCH RETURN (COUNT) SINCE 1-Jan-2020"), per_message=True),
    "SEARCH UID range UNSEEN": Case(plain("SEARCH UID 1000:1060 UNSEEN")),
    "NOOP": Case(plain("NOOP"), 30),
    "STATUS": Case(plain("STATUS INBOX (MESSAGES UNSEEN UIDNEXT)"), 20),
    "LIST with counts": Case(plain('LIST "" * RETURN (STATUS (MESSAGES UNSEEN))'), 20),
    "EXPUNGE of 1": Case(on_last("EXPUNGE", 1)),
    "EXPUNGE of the first": Case(on_some("EXPUNGE", lambda _: "1")),
    "COPY of 1000": Case(on_last("COPY {} Archive", 1000), 3),
    "EXPUNGE of 1000": Case(on_last("EXPUNGE", 1000), 2, fresh=True),
    "MOVE of 1000": Case(on_last("MOVE {} Archive", 1000), 2, fresh=True),
    "POP3 log-in and STAT": Case(log_in, 5, per_message=True, fresh=True),
    "POP3 UIDL": Case(unique_ids, 5, per_message=True),
    "SELECT after a restart": Case(plain("SELECT INBOX"), 3, per_message=True, cold=True),
}
