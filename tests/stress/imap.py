"""Many IMAP clients at once on shared mailboxes, random commands, each checking all that it is sent.

    python -m tests.stress.imap --clients 20 --steps 5000 --seed 7
    python -m tests.stress.imap --port 1143 --logins u0,u1 --password secret    # any server

At moments when all pause, every client sends NOOP and must then know what the server has: the same
messages under the same numbers, with the same flags, whether sent by FETCH, by STORE, or changed by a silent STORE.
A seed gives every client the same commands again; how they interleave is up to the loop.
"""

import argparse
import asyncio
import random
from dataclasses import dataclass, field

from tests.kit.imap.model import Belief, Broken, Known, numbers
from tests.kit.imap.responses import Continuation, Data, Fetched, Response, Responses, Status

FLAGS = ("\\Seen", "\\Flagged", "\\Answered", "\\Draft", "$One", "$Two")
MAILBOXES = ("INBOX", "Archive")
PATIENCE_S = 30
CROWDED = 120
"""Messages in a mailbox beyond which a client clears up."""


@dataclass
class Account:
    """Where to go."""

    host: str
    port: int
    login: str
    password: str


@dataclass
class Client:
    """One connection and what it believes."""

    account: Account
    chance: random.Random
    kind: str
    """rev1, condstore, qresync or rev2: what it enables."""
    belief: Belief = field(default_factory=Belief)
    mailbox: str = ""
    count: int = 0
    log: list[bytes] = field(default_factory=list)

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection(self.account.host, self.account.port)
        self.responses, self.pending = Responses(), list[Response]()
        await self.next()
        await self.command(f"LOGIN {self.account.login} {self.account.password!r}".replace("'", '"'))
        enable = {"condstore": "CONDSTORE", "qresync": "QRESYNC", "rev2": "IMAP4rev2"}.get(self.kind)
        if enable:
            await self.command(f"ENABLE {enable}")

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()

    async def next(self) -> Response:
        while not self.pending:
            octets = await asyncio.wait_for(self.reader.read(65536), PATIENCE_S)
            if not octets:
                raise Broken(f"the server hung up after {self.log[-6:]}")
            self.log = [*self.log[-40:], b"S: " + octets[:300]]
            self.pending = self.responses.feed(octets)
        return self.pending.pop(0)

    async def command(self, text: str, *, literal: bytes | None = None) -> tuple[Status, list[Response]]:
        """Send, and receive until the tagged response."""
        self.count += 1
        tag = f"t{self.count}"
        line = f"{tag} {text}".encode()
        if literal is not None:
            line += b" {%d+}\r\n%b" % (len(literal), literal)
        self.log = [*self.log[-40:], b"C: " + line[:200]]
        self.writer.write(line + b"\r\n")
        verb = text.split(" ", 1)[0]
        received: list[Response] = []
        while True:
            response = await self.next()
            if isinstance(response, Status) and response.tag == tag.encode():
                return response, received
            received.append(response)
            self.receive(response, expunges=verb not in ("FETCH", "STORE", "SEARCH"))

    def receive(self, response: Response, *, expunges: bool) -> None:
        try:
            self.belief.receive(response, expunges=expunges)
        except Broken as broken:
            raise Broken(f"{self.kind} {self.mailbox}: {broken}\n" + "\n".join(map(repr, self.log))) from None

    async def select(self, mailbox: str) -> None:
        self.belief, self.mailbox = Belief(), mailbox
        status, _ = await self.command(f"SELECT {mailbox}")
        assert status.word == b"OK", status
        await self.learn()

    async def learn(self) -> None:
        """Ask for all that is not known."""
        if self.belief.messages:
            await self.command("UID FETCH 1:* (UID FLAGS)")

    # Random commands

    async def step(self) -> None:
        known = len(self.belief.messages)
        if any(message.uid is None for message in self.belief.messages) and self.chance.random() < 0.4:
            await self.learn()
            return
        if known > CROWDED:
            # Copies would double what copies made
            await self.command(f"STORE {CROWDED // 4}:{known} +FLAGS (\\Deleted)")
            await self.expunge()
            return
        deeds = [self.append, self.noop, self.idle, self.reselect, self.search]
        if known:
            deeds += [
                self.store,
                self.store,
                self.store,
                self.fetch,
                self.fetch,
                self.copy,
                self.expunge,
                self.expunge,
                self.move,
            ]
        await self.chance.choice(deeds)()

    def some(self) -> str:
        """A set of sequence numbers."""
        known = len(self.belief.messages)
        parts = []
        for _ in range(self.chance.randint(1, 3)):
            first, last = (self.chance.randint(1, known) for _ in range(2))
            parts.append(f"{first}" if self.chance.random() < 0.5 else f"{first}:{last}")
        return ",".join(parts)

    def some_uids(self) -> str:
        uids = [message.uid for message in self.belief.messages if message.uid] or [1]
        return ",".join(str(self.chance.choice(uids)) for _ in range(self.chance.randint(1, 4)))

    def named(self, text: str, *, uid: bool) -> list[int]:
        """Places, from 0, that a set names."""
        if uid:
            wanted = set(numbers(text))
            return [place for place, one in enumerate(self.belief.messages) if one.uid in wanted]
        ends = [sorted(map(int, part.split(":"))) for part in text.split(",")]
        return sorted(
            {number - 1 for first, *last in ends for number in range(first, (last or [first])[0] + 1)}
        )

    async def store(self) -> None:
        uid = self.chance.random() < 0.5
        chosen = self.some_uids() if uid else self.some()
        mode = self.chance.choice(("", "+", "-"))
        silent = self.chance.random() < 0.4
        flags = self.chance.sample(FLAGS, self.chance.randint(1, 3))
        if self.chance.random() < 0.25:
            flags.append("\\Deleted")
        before = [self.belief.messages[place] for place in self.named(chosen, uid=uid)]
        suffix = ".SILENT" if silent else ""
        status, received = await self.command(
            f"{'UID ' * uid}STORE {chosen} {mode}FLAGS{suffix} ({' '.join(flags)})"
        )
        self.expect(status, b"OK")
        if silent:
            flagged = {one.number for one in received if isinstance(one, Fetched) and b"FLAGS" in one.items}
            self.alter(before, mode, flags, flagged)

    def alter(self, before: list[Known], mode: str, flags: list[str], flagged: set[int]) -> None:
        """What a silent STORE lets the client conclude, where it was sent nothing newer."""
        mine = frozenset(flag.lower().encode() for flag in flags)
        newer = {
            id(self.belief.messages[number - 1]) for number in flagged if number <= len(self.belief.messages)
        }
        for message in before:
            if message.flags is None or id(message) in newer:
                continue
            match mode:
                case "+":
                    message.flags |= mine
                case "-":
                    message.flags -= mine
                case _:
                    message.flags = mine

    async def fetch(self) -> None:
        uid = self.chance.random() < 0.5
        chosen = self.some_uids() if uid else self.some()
        items = self.chance.choice(
            (
                "FLAGS",
                "(UID FLAGS)",
                "(UID ENVELOPE)",
                "BODY.PEEK[HEADER.FIELDS (SUBJECT)]",
                "BODY[TEXT]",
                "(UID BODY[1])",
            )
        )
        status, received = await self.command(f"{'UID ' * uid}FETCH {chosen} {items}")
        self.expect(status, b"OK")
        for one in received:
            if (
                isinstance(one, Fetched)
                and uid
                and one.items.keys() - {b"FLAGS", b"MODSEQ"}
                and b"UID" not in one.items
            ):
                raise Broken(f"UID FETCH answered without UID: {one}")

    async def search(self) -> None:
        uid = self.chance.random() < 0.5
        key = self.chance.choice(
            ("ALL", "UNSEEN", "KEYWORD $One", "DELETED", "1:*", "NOT SEEN", "SUBJECT even")
        )
        if key == "1:*" and not self.belief.messages:
            return
        status, received = await self.command(f"{'UID ' * uid}SEARCH {key}")
        self.expect(status, b"OK")
        for one in received:
            if isinstance(one, Data) and one.name == b"SEARCH" and not uid:
                found = [number for number in one.arguments if isinstance(number, int)]
                if found and found[-1] > len(self.belief.messages):
                    raise Broken(f"SEARCH found {found} of {len(self.belief.messages)}")

    async def append(self) -> None:
        number = self.chance.randint(1, 10**6)
        word = "even" if number % 2 == 0 else "odd"
        message = f"From: a@one.example\r\nSubject: {word} {number}\r\n\r\nText {number}\r\n".encode()
        status, _ = await self.command(f"APPEND {self.chance.choice(MAILBOXES)} ($One)", literal=message)
        self.expect(status, b"OK")

    async def copy(self) -> None:
        target = self.chance.choice(MAILBOXES)
        status, _ = await self.command(f"COPY {self.some()} {target}")
        self.expect(status, b"OK", b"NO")

    async def move(self) -> None:
        target = self.chance.choice(MAILBOXES)
        status, _ = await self.command(f"UID MOVE {self.some_uids()} {target}")
        self.expect(status, b"OK", b"NO")

    async def expunge(self) -> None:
        status, _ = await self.command("EXPUNGE")
        self.expect(status, b"OK")

    async def noop(self) -> None:
        status, _ = await self.command(self.chance.choice(("NOOP", "CHECK", "STATUS INBOX (MESSAGES)")))
        self.expect(status, b"OK")

    async def reselect(self) -> None:
        if self.chance.random() < 0.2:
            await self.select(self.chance.choice(MAILBOXES))

    async def idle(self) -> None:
        self.count += 1
        tag = f"t{self.count}".encode()
        self.log = [*self.log[-40:], b"C: idle"]
        self.writer.write(tag + b" IDLE\r\n")
        ends_at = asyncio.get_running_loop().time() + self.chance.random() * 0.02
        done = False
        while True:
            left = ends_at - asyncio.get_running_loop().time()
            if not done and left <= 0:
                self.writer.write(b"DONE\r\n")
                done = True
            try:
                response = await asyncio.wait_for(self.next(), left if not done else PATIENCE_S)
            except TimeoutError:
                if done:
                    raise
                continue
            match response:
                case Continuation():
                    continue
                case Status(found, b"OK", _, _, _) if found == tag:
                    return
                case _:
                    self.receive(response, expunges=True)

    def expect(self, status: Status, *words: bytes) -> None:
        if status.word not in words:
            raise Broken(f"{self.kind}: {status}\n" + "\n".join(map(repr, self.log)))


async def compare(clients: list[Client]) -> None:
    """All pause and send NOOP; then all must know what a new client is sent."""
    for client in clients:
        await client.command("NOOP")
    for mailbox in MAILBOXES:
        for login in {client.account.login for client in clients}:
            watching = [one for one in clients if one.mailbox == mailbox and one.account.login == login]
            if not watching:
                continue
            newcomer = Client(watching[0].account, random.Random(0), "rev1")
            await newcomer.open()
            await newcomer.select(mailbox)
            truth = [(one.uid, one.flags) for one in newcomer.belief.messages]
            await newcomer.close()
            for client in watching:
                check(client, truth)


def check(client: Client, truth: list[tuple[int | None, frozenset[bytes] | None]]) -> None:
    believed = client.belief.messages
    history = "\n".join(map(repr, client.log))
    if len(believed) != len(truth):
        raise Broken(f"{client.kind} believes in {len(believed)} messages, there are {len(truth)}\n{history}")
    for number, (message, (uid, flags)) in enumerate(zip(believed, truth, strict=True), 1):
        if message.uid not in (None, uid):
            raise Broken(
                f"{client.kind} believes that message {number} is {message.uid}, it is {uid}\n{history}"
            )
        if message.flags not in (None, flags):
            raise Broken(f"{client.kind}: UID {uid} has {flags}, believed {message.flags}\n{history}")


async def stress(accounts: list[Account], *, clients: int, steps: int, seed: int) -> int:
    """Let them loose; the number of commands sent. Raises `Broken` at the first contradiction."""
    rounds = max(4, steps // 40)
    kinds = ("rev1", "rev1", "condstore", "qresync", "rev2")
    crowd = [
        Client(accounts[place % len(accounts)], random.Random(f"{seed} {place}"), kinds[place % len(kinds)])
        for place in range(clients)
    ]

    async def live(client: Client) -> None:
        for _ in range(steps // rounds):
            await client.step()

    for client in crowd:
        await client.open()
        await client.select(client.chance.choice(MAILBOXES))
    for _ in range(rounds):
        await asyncio.gather(*(live(client) for client in crowd))
        await compare(crowd)
    for client in crowd:
        await client.close()
    return sum(client.count for client in crowd)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, help="a server that is running; without, one is made")
    parser.add_argument("--logins", default="u0")
    parser.add_argument("--password", default="demo secret")
    parser.add_argument("--clients", type=int, default=10)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()

    def run(port: int) -> None:
        accounts = [Account(chosen.host, port, login, chosen.password) for login in chosen.logins.split(",")]
        work = stress(accounts, clients=chosen.clients, steps=chosen.steps, seed=chosen.seed)
        print(asyncio.run(work), "commands, no contradiction")

    if chosen.port:
        run(chosen.port)
        return
    from tests.kit.server import serve

    with serve("imap") as server:
        run(server.ports["imap"])


if __name__ == "__main__":
    main()
