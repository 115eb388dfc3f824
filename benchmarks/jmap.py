"""What requests of JMAP cost in a large mailbox: latency and server CPU, and how soon a change is pushed.

    python benchmarks/jmap.py [--messages 100000] [--times 200]

A `pillarbox demo` with one worker and this INBOX, filled through the verbs of the store. Each request goes over one
kept connection; the table has medians. `PYTHON` names the interpreter of the server.
"""

import argparse
import http.client
import json
import multiprocessing
import socket
import statistics
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

from growth import Server, fill
from growth_cases import USER
from instructions import Imap

PASSWORD = "secret"
USING = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"]
LISTED = [
    "threadId",
    "mailboxIds",
    "keywords",
    "from",
    "to",
    "subject",
    "receivedAt",
    "size",
    "preview",
    "hasAttachment",
]


class Client:
    """One user, on one connection."""

    def __init__(self, port: int) -> None:
        self.authorization = "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.account = next(iter(self._get("/jmap/session")["accounts"]))

    def _get(self, path: str) -> Any:
        self._connection.request("GET", path, headers={"Authorization": self.authorization})
        return json.loads(self._connection.getresponse().read())

    def request(self, *calls: tuple[str, dict[str, Any]]) -> Any:
        """The responses."""
        made = [
            [name, {"accountId": self.account, **arguments}, str(at)]
            for at, (name, arguments) in enumerate(calls)
        ]
        body = json.dumps({"using": USING, "methodCalls": made})
        fields = {"Authorization": self.authorization, "Content-Type": "application/json"}
        self._connection.request("POST", "/jmap/api/", body, fields)
        answer = json.loads(self._connection.getresponse().read())["methodResponses"]
        assert all(name != "error" for name, _, _ in answer), answer
        return answer


def listing(inbox: str, **more: Any) -> list[tuple[str, dict[str, Any]]]:
    """What a page of a webmail asks: the first fifty emails, and what is shown of them. All are of one thread here, so
    that they are not collapsed."""
    query = {"filter": {"inMailbox": inbox}, "limit": 50, "position": 0, **more}
    ids = {"resultOf": "0", "name": "Email/query", "path": "/ids"}
    return [("Email/query", query), ("Email/get", {"#ids": ids, "properties": LISTED})]


def measured(server: Server, times: int, work: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds of latency (the median) and of the server's CPU."""
    work()
    took, before = [], server.cpu_s()
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1000, (server.cpu_s() - before) / times * 1000


def pushed(client: Client, port: int, imap: Imap, times: int) -> list[float]:
    """Milliseconds from a STORE to the event that tells of it; the STORE's own round trip is in it."""
    events = socket.create_connection(("127.0.0.1", port))
    events.sendall(
        b"GET /jmap/eventsource/?types=*&closeafter=no&ping=0 HTTP/1.1\r\nHost: localhost\r\n"
        + f"Authorization: {client.authorization}\r\n\r\n".encode()
    )
    reader = events.makefile("rb")
    while reader.readline() != b"\r\n":
        pass
    took = []
    for number in range(times):
        began = time.perf_counter()
        imap.command(f"STORE 1 {'+-'[number % 2]}FLAGS.SILENT (\\Flagged)")
        while not reader.readline().startswith(b"data: "):
            pass
        took.append((time.perf_counter() - began) * 1000)
    return took


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        server = Server(data)
        server.stop()
        filling = multiprocessing.Process(target=fill, args=(data, options.messages))
        filling.start()
        filling.join()
        server.start()
        try:
            show(server, options.times)
        finally:
            server.stop()


def show(server: Server, times: int) -> None:
    """Measure, and print."""
    client, imap = Client(server.ports["http"]), Imap(server.ports["imap"], "u0")
    imap.command("SELECT INBOX")
    (boxes,) = client.request(("Mailbox/get", {"ids": None}))
    inbox = next(box["id"] for box in boxes[1]["list"] if box["role"] == "inbox")
    began = time.perf_counter()
    client.request(*listing(inbox))
    print(f"{'first listing':44} {(time.perf_counter() - began) * 1000:8.2f} ms")
    unread = {"inMailbox": inbox, "notKeyword": "$seen"}
    cases: list[tuple[str, Callable[[], object]]] = [
        ("Email/query, 50 of INBOX, and Email/get", lambda: client.request(*listing(inbox))),
        ("the same with the total", lambda: client.request(*listing(inbox, calculateTotal=True))),
        ("Mailbox/get, all", lambda: client.request(("Mailbox/get", {"ids": None}))),
        (
            "unread of INBOX",
            lambda: client.request(*listing(inbox, filter=unread)),
        ),
        (
            "IMAP: FETCH of 50 envelopes, flags, previews",
            lambda: imap.command("FETCH 1:50 (UID FLAGS ENVELOPE PREVIEW)"),
        ),
    ]
    for name, work in cases:
        latency, cpu = measured(server, times, work)
        print(f"{name:52} {latency:8.2f} ms {cpu:8.2f} ms CPU")
    took = sorted(pushed(client, server.ports["http"], imap, times))
    print(
        f"{'pushed after a STORE':52} {statistics.median(took):8.2f} ms, p99 {took[int(len(took) * 0.99)]:.2f}"
    )


if __name__ == "__main__":
    main()
