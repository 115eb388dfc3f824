"""Importing from servers that break off, ask to wait, or do not keep to the protocol; and from Gmail."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from pillarbox.admin.importing.imap.connection import RemoteRefused
from pillarbox.admin.importing.imap.mailbox import PullResult
from pillarbox.admin.importing.imap.patience import Patience
from pillarbox.admin.importing.imap.plan import Selection
from pillarbox.admin.importing.imap.remote import (
    IMAP_PORT,
    IMAPS_PORT,
    Encryption,
    Password,
    Remote,
    SecretUnavailable,
    Token,
)
from pillarbox.admin.importing.imap.run import GaveUp
from pillarbox.admin.importing.run import MAX_MAILBOXES
from pillarbox.mail.flags import known
from pillarbox.world.clock import VirtualClock
from pillarbox.world.network.memory import MemoryNetwork
from pillarbox.world.tls.client import opportunistic
from tests.kit.imap.scripted import ADDRESS, CUT, PORT, SILENT, Box, ScriptedServer, Stored
from tests.kit.pulling import Receiver, remote, whole

SOURCE = remote(PORT, "anna", Password("x"), host="imap.example")


async def lookup(_host: str) -> list[str]:
    return [ADDRESS]


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    clock = VirtualClock()
    made = Receiver(tmp_path, MemoryNetwork(clock), clock, lookup)
    yield made
    made.close()


@pytest.fixture
def server(receiver: Receiver) -> ScriptedServer:
    assert isinstance(receiver.network, MemoryNetwork)
    return ScriptedServer(receiver.network, receiver.clock)


def letters(count: int, octets: int = 100) -> list[bytes]:
    return [b"Message-ID: <%d@x>\r\n\r\n%b" % (number, b"x" * octets) for number in range(count)]


def pull(
    receiver: Receiver, selection: Selection | None = None, source: Remote = SOURCE, **more: object
) -> PullResult:
    """An import on simulated time, in which nothing may take longer than some hours."""

    async def work() -> PullResult:
        clock = receiver.clock
        assert isinstance(clock, VirtualClock)
        running = asyncio.ensure_future(whole(receiver.importer(source, selection or Selection(), **more)))  # type: ignore[arg-type]
        for _ in range(1000):
            for _ in range(200):
                await asyncio.sleep(0)
            if running.done():
                return running.result()
            if clock.next_timer_in is not None:
                await clock.advance(clock.next_timer_in)
        raise AssertionError("the import does not end")

    return receiver.run(work())


@pytest.mark.parametrize("first_cut", [500, 3000, 20_000])
def test_lost_connections_cost_no_message_and_bring_none_twice(
    receiver: Receiver, server: ScriptedServer, first_cut: int
) -> None:
    sent = letters(300, 200)
    server.add("INBOX", *sent)
    server.add("Work", *sent)
    server.cut_after = first_cut
    result = pull(receiver, patience=Patience(max_attempts=20))
    assert (result.stored, result.skipped) == (600, [])
    assert sorted(receiver.bodies()) == sorted(receiver.bodies("Work")) == sorted(sent)
    assert server.connections > 1


def test_a_message_that_breaks_the_connection_each_time_is_passed_over(
    receiver: Receiver, server: ScriptedServer
) -> None:
    sent = letters(20)
    server.add("INBOX", *sent)

    def answer(command: str) -> bytes | None:
        found = re.match(r"UID FETCH (\S+) .*BODY.PEEK\[\]", command)
        if found is None:
            return None
        runs = (tuple(map(int, run.split(":"))) for run in found[1].split(","))
        return CUT if any(run[0] <= 7 <= run[-1] for run in runs) else None

    server.answers.append(answer)
    result = pull(receiver, patience=Patience(max_attempts=20))
    assert result.stored == 19
    assert [one.where for one in result.skipped] == ["INBOX, UID 7"]
    # Once with others, then alone, until it is given up: no other message is lost with it
    assert server.connections == 5


@pytest.mark.parametrize("reply", [b"%TAG% NO [SERVERBUG] broken\r\n", b"%TAG% OK nothing\r\n"])
def test_a_message_that_is_not_sent_is_reported(
    receiver: Receiver, server: ScriptedServer, reply: bytes
) -> None:
    server.add("INBOX", *letters(3))
    server.answers.append(
        lambda command: reply if re.match(r"UID FETCH (1:3|2) .*BODY.PEEK\[\]", command) else None
    )
    result = pull(receiver)
    assert result.stored == 2
    assert [one.where for one in result.skipped] == ["INBOX, UID 2"]
    assert "does not send it" in result.skipped[0].why


def test_a_message_that_was_expunged_meanwhile_is_not_reported(
    receiver: Receiver, server: ScriptedServer
) -> None:
    server.add("INBOX", *letters(3))

    def answer(command: str) -> bytes | None:
        if "BODY.PEEK[]" in command and len(server.boxes["INBOX"].messages) == 3:
            del server.boxes["INBOX"].messages[1]
        return None

    server.answers.append(answer)
    result = pull(receiver)
    assert (result.stored, result.skipped) == (2, [])


@pytest.mark.parametrize(
    ("reply", "seconds"),
    [
        (b"%TAG% NO [THROTTLED] slow down\r\n", 30),
        (b"%TAG% BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds\r\n* BYE\r\n", 300),
        (b"* BYE [UNAVAILABLE] later\r\n", 30),
        (CUT, 1),
    ],
)
def test_a_server_that_asks_for_patience_gets_it(
    receiver: Receiver, server: ScriptedServer, reply: bytes, seconds: int
) -> None:
    server.add("INBOX", *letters(3))
    times = iter([reply, reply])
    server.answers.append(lambda command: next(times, None) if command.startswith("UID SEARCH") else None)
    began_s = receiver.clock.monotonic()
    assert pull(receiver, patience=Patience()).stored == 3
    assert receiver.clock.monotonic() - began_s >= 2 * seconds - 1
    assert f"Trying again in {seconds} seconds" in receiver.notes[0]


def test_it_gives_up_after_attempts_in_which_nothing_came(receiver: Receiver, server: ScriptedServer) -> None:
    server.add("INBOX", *letters(3))
    server.answers.append(lambda command: CUT if command.startswith("UID SEARCH") else None)
    with pytest.raises(GaveUp, match="3 attempts in a row"):
        pull(receiver, patience=Patience(max_attempts=3))


@pytest.mark.parametrize("command", ["CAPABILITY", "AUTHENTICATE", "LIST", "EXAMINE", "UID FETCH"])
def test_a_silent_server_is_given_up(receiver: Receiver, server: ScriptedServer, command: str) -> None:
    server.add("INBOX", *letters(3))
    server.answers.append(lambda line: SILENT if line.startswith(command) else None)
    with pytest.raises((GaveUp, RemoteRefused), match="no answer in"):
        pull(receiver, patience=Patience(max_attempts=2))


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("UID SEARCH", b"* SEARCH 1 2 3 4 5 6 7\r\n%TAG% OK x\r\n"),
        ("UID SEARCH", b'* ESEARCH (TAG "x") UID ALL 1:4294967295\r\n%TAG% OK x\r\n'),
        ("EXAMINE", b"* 4294967295 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n%TAG% OK x\r\n"),
        ("EXAMINE", b"%TAG% NO no such mailbox\r\n"),
        ("UID SEARCH", b"%TAG% BAD what\r\n"),
    ],
)
def test_a_mailbox_that_cannot_be_read_is_reported_and_the_others_come(
    receiver: Receiver, server: ScriptedServer, command: str, reply: bytes
) -> None:
    server.add("INBOX", *letters(3))
    server.add("Work", *letters(2))
    times = iter([reply])
    server.answers.append(lambda line: next(times, None) if line.startswith(command) else None)
    result = pull(receiver)
    assert [one.where for one in result.skipped] == ["INBOX"]
    assert len(receiver.bodies("Work")) == 2


@pytest.mark.parametrize(
    "reply",
    [
        b"* 1 FETCH (UID 1 BODY[] {99999999999}\r\n",
        b"* 1 FETCH (UID 1 FLAGS (" + b"x " * 600_000 + b"))\r\n%TAG% OK x\r\n",
        b"garbage\r\n",
        b"* 1 FETCH (UID 1 BODY[] {10}\r\nabc",
        b"* 1 FETCH ((((((((((((((((((((((((((((((((\r\n%TAG% OK x\r\n",
        b"* 1 FETCH (UID 99 BODY[] {3}\r\nabc)\r\n%TAG% OK x\r\n",
    ],
)
def test_hostile_replies_store_nothing_and_end_soon(
    receiver: Receiver, server: ScriptedServer, reply: bytes
) -> None:
    server.add("INBOX", *letters(1))
    server.answers.append(lambda line: reply if "BODY.PEEK[]" in line else None)
    try:
        result = pull(receiver, patience=Patience(max_attempts=20))
    except GaveUp:
        pass
    else:
        assert len(result.skipped) == 1
    assert receiver.bodies() == []
    assert not list((receiver.folder / "blobs" / "incoming").iterdir())


def test_more_mailboxes_than_anybody_has_are_refused(receiver: Receiver, server: ScriptedServer) -> None:
    server.boxes.update({f"m{number}": Box() for number in range(MAX_MAILBOXES + 1)})
    with pytest.raises(RemoteRefused, match="more than 5000 mailboxes"):
        pull(receiver)


def test_a_list_with_more_than_the_server_understands_is_asked_for_again(
    receiver: Receiver, server: ScriptedServer
) -> None:
    server.capabilities += " LIST-EXTENDED"
    server.add("Work", *letters(1))
    server.answers.append(lambda line: b"%TAG% BAD what\r\n" if "RETURN" in line else None)
    pull(receiver)
    assert len(receiver.bodies("Work")) == 1
    server.answers.append(lambda line: b"%TAG% NO never\r\n" if "LIST" in line else None)
    with pytest.raises(RemoteRefused, match="does not list its mailboxes: never"):
        pull(receiver)


def test_a_server_that_refuses_what_it_offers_is_told(receiver: Receiver, server: ScriptedServer) -> None:
    server.capabilities += " UTF8=ONLY"
    server.answers.append(lambda line: b"%TAG% NO not today\r\n" if line.startswith("ENABLE") else None)
    with pytest.raises(RemoteRefused, match="not today"):
        pull(receiver)


def test_what_is_no_imap_server_is_told_at_once(receiver: Receiver, server: ScriptedServer) -> None:
    server.answers.append(lambda line: b"HTTP/1.1 400 Bad Request\r\n")
    with pytest.raises(RemoteRefused, match=r"unexpected response of the server: b'HTTP/1\.1 400"):
        pull(receiver, patience=Patience())
    assert server.connections == 1


def test_names_are_made_harmless(receiver: Receiver, server: ScriptedServer) -> None:
    server.delimiter = "."
    for name in ("a/b.c", "\x1b[2Jx", "..", "y" * 300, "&broken", "caf\u00e9"):
        server.add(name, *letters(1))
    result = pull(receiver)
    assert set(receiver.held()) == {"a_b/c", "\\x1b[2Jx", "_/_/_", "&broken", "café"}
    assert [one.why for one in result.skipped] == ["name is too long"]


def test_the_prefix_of_the_own_namespace_is_no_level(receiver: Receiver, server: ScriptedServer) -> None:
    server.delimiter = "."
    server.namespace = '(("INBOX." ".")) (("user." ".")) NIL'
    for name in ("INBOX", "INBOX.Work.a", "user.bob.secret"):
        server.add(name, *letters(1))
    pull(receiver)
    assert set(receiver.held()) == {"INBOX", "Work/a"}
    pull(receiver, Selection(wanted=("user/*",)))
    assert set(receiver.held()) == {"INBOX", "Work/a", "user/bob/secret"}


def test_subscriptions_are_kept_and_where_there_are_none_all_are_made(
    receiver: Receiver, server: ScriptedServer
) -> None:
    server.add("a")
    server.add("b")
    server.subscribed = {"b"}
    pull(receiver)
    assert receiver.mailboxes().items() >= {"a": False, "b": True}.items()
    server.subscribed = set()
    server.add("c")
    pull(receiver)
    assert receiver.mailboxes()["c"]


def test_a_server_that_trickles_is_given_up(receiver: Receiver, server: ScriptedServer) -> None:
    server.add("INBOX", *letters(3))
    server.trickles = True
    server.answers.append(
        lambda line: b"* 1 FETCH (UID 1 BODY[] {100000}\r\n" + b"x" * 20 if "BODY.PEEK[]" in line else None
    )
    with pytest.raises(GaveUp, match="less than 65536 octets in 300 seconds"):
        pull(receiver, patience=Patience(max_attempts=2))


def test_a_server_that_does_not_stop_after_logout_is_left(receiver: Receiver, server: ScriptedServer) -> None:
    server.answers.append(lambda line: b"* OK stay\r\n" * 1000 if line == "LOGOUT" else None)
    server.trickles = True
    assert pull(receiver).skipped == []
    assert receiver.clock.monotonic() < 60


def test_a_command_that_is_answered_by_too_much_ends_the_connection(
    receiver: Receiver, server: ScriptedServer
) -> None:
    server.add("INBOX", *letters(3))
    long = b"* 1 FETCH (UID 1 FLAGS (" + b"x" * 900_000 + b"))\r\n"
    server.answers.append(lambda line: long * 40 + b"%TAG% OK x\r\n" if "RFC822.SIZE" in line else None)
    with pytest.raises(GaveUp, match="octets for one command"):
        pull(receiver, patience=Patience(max_attempts=1))


@pytest.mark.parametrize("command", ["UID SEARCH", "UID FETCH 1:3 (UID FLAGS)"])
def test_messages_that_nobody_asked_for_end_the_connection(
    receiver: Receiver, server: ScriptedServer, command: str
) -> None:
    server.add("INBOX", *letters(3))
    pull(receiver)
    unasked = b"* 1 FETCH (UID 1 BODY[] {3}\r\nabc)\r\n"
    server.answers.append(lambda line: unasked * 9 if line.startswith(command) else None)
    with pytest.raises(GaveUp, match="not asked for"):
        pull(receiver, patience=Patience(max_attempts=1))


# --- changes


def test_nothing_is_deleted_where_the_server_lists_fewer_messages_than_it_has(
    receiver: Receiver, server: ScriptedServer
) -> None:
    server.add("INBOX", *letters(3))
    pull(receiver)
    server.answers.append(
        lambda line: b"* SEARCH 1\r\n%TAG% OK x\r\n" if line.startswith("UID SEARCH") else None
    )
    assert pull(receiver, delete=True).deleted == 0
    assert len(receiver.bodies()) == 3


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_there_each_run_ends_with_the_same_messages(
    receiver: Receiver, server: ScriptedServer, seed: int
) -> None:
    chance = Random(seed)
    server.capabilities += chance.choice(["", " CONDSTORE", " CONDSTORE ESEARCH"])
    unique = iter(letters(1000))
    for _run in range(4):
        for name in ("INBOX", "a", "b"):
            box = server.boxes.setdefault(name, Box())
            for message in chance.sample(box.messages, len(box.messages) // 3):
                message.flags = chance.choice(["", "\\Seen", "\\Flagged key", "\\Seen \\Draft"])
                box.touch(message)
            box.messages = [one for one in box.messages if chance.random() > 0.2]
            server.add(name, *(next(unique) for _ in range(chance.randrange(8))))
            if chance.random() < 0.3:
                chance.shuffle(box.messages)
                box.renumber()
        server.cut_after = chance.choice([None, 1500, 4000])
        pull(receiver, delete=True, patience=Patience(max_attempts=20))
        held = receiver.held()
        for name, box in server.boxes.items():
            there = sorted((one.octets, known(one.flags.split())) for one in box.messages)
            here = sorted((octets, flags) for octets, flags, _ in held.get(name, []))
            assert set(there) <= set(here), "nothing is missing, and flags are those there"
            assert len({octets for octets, _ in here}) == len(here), "nothing is there twice"


def test_with_condstore_only_changed_flags_are_asked_for(receiver: Receiver, server: ScriptedServer) -> None:
    server.capabilities += " CONDSTORE ESEARCH"
    server.add("INBOX", *letters(5))
    pull(receiver)
    server.commands.clear()
    pull(receiver)
    assert not [line for line in server.commands if line.startswith("UID FETCH")]
    server.boxes["INBOX"].messages[2].flags = "\\Seen"
    server.boxes["INBOX"].touch(server.boxes["INBOX"].messages[2])
    server.commands.clear()
    assert pull(receiver).flags_changed == 1
    assert [line for line in server.commands if line.startswith("UID FETCH")] == [
        "UID FETCH 1:5 (UID FLAGS) (CHANGEDSINCE 6)"
    ]
    assert receiver.flags() == ["", "", "\\Seen", "", ""]


def test_without_condstore_all_flags_are_asked_for(receiver: Receiver, server: ScriptedServer) -> None:
    server.add("INBOX", *letters(5))
    pull(receiver)
    server.boxes["INBOX"].messages[2].flags = "\\Seen \\Recent bad{flag"
    assert pull(receiver).flags_changed == 1
    assert receiver.flags() == ["", "", "\\Seen", "", ""]


def test_without_a_uid_validity_messages_are_recognized(receiver: Receiver, server: ScriptedServer) -> None:
    server.add("INBOX", *letters(5))
    server.boxes["INBOX"].uid_validity = 0
    pull(receiver)
    box = server.boxes["INBOX"]
    box.messages.reverse()
    box.renumber()
    box.uid_validity = 0
    server.add("INBOX", b"Message-ID: <new@x>\r\n\r\n")
    assert (pull(receiver, delete=True).stored, len(receiver.bodies())) == (1, 6)


# --- ports

TUNNEL, OTHER_TUNNEL = 46_404, 46_405


def behind(port: int) -> Remote:
    return remote(port, "anna", Password("x"), host="imap.example")


def serving(receiver: Receiver, port: int) -> ScriptedServer:
    assert isinstance(receiver.network, MemoryNetwork)
    return ScriptedServer(receiver.network, receiver.clock, port=port)


def test_another_server_behind_another_port_is_another_one(receiver: Receiver) -> None:
    """Both may have the same UIDVALIDITY."""
    serving(receiver, TUNNEL).add("INBOX", *letters(2))
    serving(receiver, OTHER_TUNNEL).add("INBOX", *letters(4)[1:])
    assert pull(receiver, source=behind(TUNNEL)).stored == 2
    result = pull(receiver, source=behind(OTHER_TUNNEL))
    assert (result.stored, result.recognized) == (2, 1)
    assert sorted(receiver.bodies()) == letters(4)


def test_at_the_same_port_flags_and_deletions_are_brought(receiver: Receiver) -> None:
    server = serving(receiver, TUNNEL)
    server.add("INBOX", *letters(3))
    pull(receiver, source=behind(TUNNEL))
    server.boxes["INBOX"].messages[0].flags = "\\Seen"
    del server.boxes["INBOX"].messages[1]
    result = pull(receiver, source=behind(TUNNEL), delete=True)
    assert (result.stored, result.flags_changed, result.deleted) == (0, 1, 1)
    assert receiver.flags() == ["\\Seen", ""]


def test_the_port_for_tls_and_the_one_for_starttls_are_of_one_server(receiver: Receiver) -> None:
    for port in (IMAP_PORT, IMAPS_PORT):
        serving(receiver, port).add("INBOX", *letters(3))
    assert pull(receiver, source=behind(IMAP_PORT)).stored == 3
    result = pull(receiver, source=behind(IMAPS_PORT))
    assert (result.stored, result.already) == (0, 3)


@pytest.mark.parametrize("port", [IMAP_PORT, IMAPS_PORT, TUNNEL])
def test_what_an_earlier_version_recorded_without_the_port_comes_not_again(
    receiver: Receiver, port: int
) -> None:
    server = serving(receiver, port)
    without_id = b"Subject: no identity\r\n\r\nwords\r\n"
    server.add("INBOX", *letters(3), without_id)
    pull(receiver, source=behind(port))
    receiver.database.write_now(
        lambda tx: tx.execute("UPDATE pulled_mailboxes SET server = 'anna@imap.example'")
    )
    server.add("INBOX", *letters(5)[3:])
    del server.boxes["INBOX"].messages[0]

    result = pull(receiver, source=behind(port), delete=True)

    # Behind a port that is not usual they are recognized, and may have come from another one.
    usual = port != TUNNEL
    assert (result.stored, result.recognized, result.deleted) == ((2, 0, 1) if usual else (2, 3, 0))
    assert pull(receiver, source=behind(port), delete=True).stored == 0
    del server.boxes["INBOX"].messages[-1]
    assert pull(receiver, source=behind(port), delete=True).deleted == 1


# --- Gmail


def gmail(server: ScriptedServer) -> None:
    server.capabilities += " X-GM-EXT-1"
    both = Stored(1, letters(1)[0], "\\Seen", 'X-GM-MSGID 111 X-GM-LABELS ("\\\\Inbox" Work "a b")')
    archived = Stored(2, letters(2)[1], "", "X-GM-MSGID 222 X-GM-LABELS ()")
    server.boxes = {
        "INBOX": Box([both]),
        "Work": Box([Stored(5, both.octets, both.flags, both.extra)]),
        "[Gmail]": Box(attributes="\\Noselect"),
        "[Gmail]/All Mail": Box([both, archived], attributes="\\All"),
        "[Gmail]/Sent Mail": Box(
            [Stored(1, b"sent", "", "X-GM-MSGID 333 X-GM-LABELS ()")], attributes="\\Sent"
        ),
        "[Gmail]/Starred": Box([both], attributes="\\Flagged"),
        "[Gmail]/Important": Box([both], attributes="\\Important"),
    }


def test_of_gmail_each_message_comes_once(receiver: Receiver, server: ScriptedServer) -> None:
    gmail(server)
    result = pull(receiver)
    assert (result.stored, result.skipped) == (3, [])
    found = {name: [(octets, flags) for octets, flags, _ in held] for name, held in receiver.held().items()}
    assert found == {
        "INBOX": [(letters(1)[0], "\\Seen a_b Work")],
        "Archive": [(letters(2)[1], "")],
        "Sent": [(b"sent", "")],
    }
    again = pull(receiver)
    assert (again.stored, again.flags_changed) == (0, 0)


def test_a_label_that_is_taken_off_does_not_delete_what_gmail_still_has(
    receiver: Receiver, server: ScriptedServer
) -> None:
    gmail(server)
    pull(receiver)
    server.boxes["INBOX"].messages.clear()
    assert pull(receiver, delete=True).deleted == 0
    server.boxes["Work"].messages.clear()
    server.boxes["[Gmail]/All Mail"].messages.pop(0)
    assert pull(receiver, delete=True).deleted == 1
    assert set(receiver.held()) == {"Archive", "Sent"}


# --- logging in


def test_a_token_is_asked_for_before_each_login(receiver: Receiver, server: ScriptedServer) -> None:
    server.add("INBOX", *letters(3))
    times = iter([CUT])
    server.answers.append(lambda line: next(times, None) if line.startswith("UID SEARCH") else None)
    given = iter(["first", "second"])
    source = Remote(
        "imap.example", PORT, "anna", lambda: Token(next(given)), Encryption.NONE, opportunistic()
    )
    assert pull(receiver, source=source).stored == 3
    logins = [line for line in server.commands if line.startswith("AUTHENTICATE XOAUTH2")]
    assert len(set(logins)) == 2


def test_a_token_that_cannot_be_had_is_told(receiver: Receiver, server: ScriptedServer) -> None:
    def secret() -> Token:
        raise SecretUnavailable("The command for the token failed: exit code 1")

    source = Remote("imap.example", PORT, "anna", secret, Encryption.NONE, opportunistic())
    with pytest.raises(RemoteRefused, match="command for the token failed"):
        pull(receiver, source=source)


def test_no_password_is_sent_where_tls_was_asked_for_and_is_not_offered(
    receiver: Receiver, server: ScriptedServer
) -> None:
    source = Remote("imap.example", PORT, "anna", lambda: Password("x"), Encryption.STARTTLS, opportunistic())
    with pytest.raises(RemoteRefused, match="STARTTLS is not offered"):
        pull(receiver, source=source)
    assert server.commands == ["CAPABILITY"]


def test_why_a_login_failed_is_told(receiver: Receiver, server: ScriptedServer) -> None:
    server.answers.append(
        lambda line: b"%TAG% NO [AUTHENTICATIONFAILED] Invalid credentials\r\n" if "AUTH" in line else None
    )
    with pytest.raises(
        RemoteRefused, match=r"Login of anna refused by imap\.example: Invalid credentials.*app password"
    ):
        pull(receiver)
