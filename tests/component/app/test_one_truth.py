"""One account at once by SMTP, IMAP, POP3 and JMAP, with two workers: all see the same in the end, and a client that
only follows changes has it, too."""

import base64
import http.client
import imaplib
import json
import poplib
import random
import re
import smtplib
import threading
from collections.abc import Callable
from typing import Any

import pytest

from pillarbox.testing import Provider

LOGIN = "alice@one.example"
PASSWORD = "pillarbox"
USING = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"]
KEYWORDS = ("$seen", "$flagged", "$answered")
FLAGS = {"\\seen": "$seen", "\\flagged": "$flagged", "\\answered": "$answered", "\\draft": "$draft"}
ROUNDS = 25


class Jmap:
    """A client; each call is a connection of its own, so that both workers answer."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._login = "Basic " + base64.b64encode(f"{LOGIN}:{PASSWORD}".encode()).decode()

    def call(self, method: str, **arguments: Any) -> Any:
        content = {"using": USING, "methodCalls": [[method, {"accountId": "A1", **arguments}, "c"]]}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            fields = {"Authorization": self._login, "Content-Type": "application/json"}
            connection.request("POST", "/jmap/api/", json.dumps(content), fields)
            answer = connection.getresponse()
            octets = answer.read()
            assert answer.status == 200, octets
        finally:
            connection.close()
        ((name, said, _),) = json.loads(octets)["methodResponses"]
        assert name == method, said
        return said

    def emails(self) -> dict[str, Any]:
        got = self.call("Email/get", ids=None, properties=["mailboxIds", "keywords", "threadId", "size"])
        return {email.pop("id"): email for email in got["list"]}

    def boxes(self) -> dict[str, Any]:
        return {box["id"]: box for box in self.call("Mailbox/get", ids=None)["list"]}


class Follower:
    """It has what it was told of changes, in answers of few, and never looks at all again."""

    def __init__(self, jmap: Jmap) -> None:
        self._jmap = jmap
        self.state = jmap.call("Email/get", ids=[])["state"]
        self.emails = jmap.emails()

    def follow(self) -> bool:
        """Ask once; whether there may be more."""
        told = self._jmap.call("Email/changes", sinceState=self.state, maxChanges=7)
        for gone in told["destroyed"]:
            self.emails.pop(gone, None)
        wanted = [*told["created"], *told["updated"]]
        got = self._jmap.call(
            "Email/get", ids=wanted, properties=["mailboxIds", "keywords", "threadId", "size"]
        )
        for email in got["list"]:
            self.emails[email.pop("id")] = email
        assert told["newState"] != self.state or not told["hasMoreChanges"]
        self.state = told["newState"]
        return bool(told["hasMoreChanges"])


def by_smtp(mail: Provider, chance: random.Random, accepted: list[str]) -> None:
    with smtplib.SMTP(mail.host, mail.ports["smtp"]) as client:
        for number in range(ROUNDS):
            subject = f"m{number}"
            text = (
                f"Message-ID: <{number % 9}.{number}@x.example>\r\nReferences: <{number % 9}@x.example>\r\n"
            )
            client.sendmail("ann@elsewhere.example", LOGIN, f"{text}Subject: {subject}\r\n\r\n{subject}\r\n")
            accepted.append(subject)


def imap(mail: Provider) -> imaplib.IMAP4:
    client = imaplib.IMAP4(mail.host, mail.ports["imap"], timeout=60)
    client.login(LOGIN, PASSWORD)
    return client


def by_imap(mail: Provider, chance: random.Random) -> None:
    client = imap(mail)
    for number in range(ROUNDS):
        client.select(chance.choice(("INBOX", "INBOX", "Archive")))
        uids = client.uid("SEARCH", "ALL")[1][0].split()
        if not uids:
            continue
        uid = chance.choice(uids).decode()
        match number % 5:
            case 0:
                client.uid("MOVE", uid, "Archive")
            case 1:
                client.uid("COPY", uid, "Trash")
            case 2:
                client.uid("STORE", uid, "+FLAGS", "(\\Deleted)")
                client.uid("EXPUNGE", uid)
            case 3:
                client.append("INBOX", "(\\Seen)", None, b"Subject: appended\r\n\r\nx\r\n")
            case _:
                client.uid("STORE", uid, chance.choice(("+FLAGS", "-FLAGS")), "(\\Flagged \\Seen)")
    client.logout()


def by_pop3(mail: Provider, chance: random.Random) -> None:
    for _ in range(ROUNDS // 3):
        client = poplib.POP3(mail.host, mail.ports["pop3"], timeout=60)
        client.user(LOGIN)
        client.pass_(PASSWORD)
        count, _ = client.stat()
        if count > 4:
            client.dele(chance.randint(1, count))
        client.quit()


def by_jmap(mail: Provider, chance: random.Random) -> None:
    jmap = Jmap(mail.ports["http"])
    roles = {box["role"]: box["id"] for box in jmap.boxes().values()}
    for number in range(ROUNDS):
        found = jmap.call("Email/query", limit=30)["ids"]
        if not found:
            continue
        some = chance.sample(found, min(3, len(found)))
        if number % 6 == 5:
            jmap.call("Email/set", destroy=some[:1])
        elif number % 3:
            patch = {f"keywords/{chance.choice(KEYWORDS)}": chance.choice((True, None))}
            jmap.call("Email/set", update=dict.fromkeys(some, patch))
        else:
            where = {roles[chance.choice(("inbox", "archive", "trash"))]: True}
            jmap.call("Email/set", update={email: {"mailboxIds": where} for email in some})


def together(*works: Callable[[], None]) -> None:
    failures: list[BaseException] = []

    def run(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def seen_by_imap(mail: Provider, boxes: dict[str, Any]) -> tuple[dict[str, Any], list[int]]:
    """Emails by id, with their mailboxes and keywords, and the sizes of the messages in INBOX.

    What is marked as deleted, and was moved before it could be expunged, is none for JMAP.
    """
    client, emails, inbox = imap(mail), dict[str, Any](), list[int]()
    for box in boxes.values():
        name = "INBOX" if box["role"] == "inbox" else box["name"]
        client.select(name, readonly=True)
        _, rows = client.uid("FETCH", "1:*", "(EMAILID THREADID FLAGS RFC822.SIZE)")
        for row in filter(None, rows):
            text = row.decode()
            (email,) = re.findall(r"EMAILID \(([^)]*)\)", text)
            (thread,) = re.findall(r"THREADID \(([^)]*)\)", text)
            (size,) = re.findall(r"RFC822.SIZE (\d+)", text)
            flags = re.findall(r"FLAGS \(([^)]*)\)", text)[0].lower().split()
            if box["role"] == "inbox":
                inbox.append(int(size))
            if "\\deleted" in flags:
                continue
            keywords = {FLAGS.get(flag, flag) for flag in flags} - {"\\recent"}
            there = emails.setdefault(
                email, {"mailboxIds": {}, "keywords": {}, "threadId": thread, "size": int(size)}
            )
            there["mailboxIds"][box["id"]] = True
            there["keywords"] |= dict.fromkeys(keywords, True)
    client.logout()
    return emails, inbox


def counted(emails: dict[str, Any], box: str) -> dict[str, int]:
    """What RFC 8621 §2 has as the numbers of a mailbox, but for threads, which have tests of their own."""
    inside = [email for email in emails.values() if box in email["mailboxIds"]]
    unread = [email for email in inside if "$seen" not in email["keywords"]]
    threads = {email["threadId"] for email in inside}
    return {"totalEmails": len(inside), "unreadEmails": len(unread), "totalThreads": len(threads)}


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_for_everybody(seed: int) -> None:
    accepted: list[str] = []
    with Provider(workers=2) as mail:
        jmap = Jmap(mail.ports["http"])
        follower, over = Follower(jmap), threading.Event()

        def follow() -> None:
            while not over.is_set():
                follower.follow()

        following = threading.Thread(target=follow)
        following.start()
        try:
            together(
                lambda: by_smtp(mail, random.Random(seed), accepted),
                *(
                    lambda work=work, n=n: work(mail, random.Random(10 * seed + n))
                    for n, work in enumerate((by_imap, by_imap, by_pop3, by_jmap, by_jmap))
                ),
            )
        finally:
            over.set()
            following.join()
        while follower.follow():
            pass

        emails, boxes = jmap.emails(), jmap.boxes()
        by_others, inbox = seen_by_imap(mail, boxes)
        assert emails == by_others
        assert follower.emails == emails
        for box, said in boxes.items():
            numbers = counted(emails, box)
            assert {name: said[name] for name in numbers} == numbers, said["name"]
        client = poplib.POP3(mail.host, mail.ports["pop3"], timeout=60)
        client.user(LOGIN)
        client.pass_(PASSWORD)
        assert client.stat() == (len(inbox), sum(inbox))
        client.quit()
        assert len(accepted) == ROUNDS
        states = {jmap.call("Email/get", ids=[])["state"] for _ in range(8)}
        assert states == {follower.state}, "one state, whichever worker is asked"
