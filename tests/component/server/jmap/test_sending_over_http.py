"""From a draft by IMAP to another person's mailbox, by JMAP over HTTPS of a whole provider."""

import http.client
import imaplib
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from pillarbox.protocol.jmap.capabilities import CORE, SUBMISSION
from pillarbox.testing import Provider

DRAFT = (
    b"From: Alice <alice@one.example>\r\nTo: carol@two.example\r\nBcc: bob@one.example\r\nSubject: Plan\r\n"
    b"Message-ID: <plan@one.example>\r\nDate: Tue, 1 Dec 2026 10:00:00 +0000\r\n\r\nThe body.\r\n"
)


@pytest.fixture(scope="module")
def mail() -> Iterator[Provider]:
    with Provider() as provider:
        provider.empty()
        yield provider


class Client:
    """Alice, by JMAP."""

    def __init__(self, mail: Provider) -> None:
        self._connection = http.client.HTTPSConnection(
            mail.host, mail.ports["https"], context=mail.tls_context(), timeout=20
        )
        alice = mail.account("alice@one.example")
        word = b64encode(f"{alice.login}:{alice.password}".encode()).decode()
        self._fields = {"Authorization": f"Basic {word}", "Content-Type": "application/json"}
        session = self._asked("GET", "/jmap/session")
        self.account: str = session["primaryAccounts"][SUBMISSION]

    def _asked(self, method: str, path: str, body: str | None = None) -> Any:
        self._connection.request(method, path, body, self._fields)
        return json.loads(self._connection.getresponse().read())

    def call(self, method: str, **arguments: Any) -> Any:
        """The arguments of the response."""
        calls = [[method, {"accountId": self.account, **arguments}, "c"]]
        said = self._asked(
            "POST", "/jmap/api/", json.dumps({"using": [CORE, SUBMISSION], "methodCalls": calls})
        )
        ((name, found, _),) = said["methodResponses"]
        assert name == method, found
        return found

    def close(self) -> None:
        self._connection.close()


def appended(mail: Provider) -> str:
    """The id of the draft (RFC 8474 §5.1)."""
    alice = mail.account("alice@one.example")
    with imaplib.IMAP4(mail.host, mail.ports["imap"]) as client:
        client.login(alice.login, alice.password)
        assert client.append("Drafts", r"(\Draft)", "", DRAFT)[0] == "OK"
        client.select("Drafts")
        said = client.fetch("*", "(EMAILID)")[1]
    found = re.search(rb"EMAILID \((\w+)\)", b"".join(line for line in said if isinstance(line, bytes)))
    assert found
    return found[1].decode()


def test_a_draft_by_imap_is_sent_by_jmap_and_arrives_signed(mail: Provider) -> None:
    email = appended(mail)
    with closing(Client(mail)) as client:
        identities = client.call("Identity/get")["list"]
        (identity,) = [one["id"] for one in identities if one["email"] == "alice@one.example"]
        made = client.call("EmailSubmission/set", create={"k": {"identityId": identity, "emailId": email}})[
            "created"
        ]["k"]
        for address in ("carol@two.example", "bob@one.example"):
            came = mail.wait_for(address, subject="Plan").octets
            assert re.search(rb"^DKIM-Signature: .*?\bd=one\.example;", came, re.MULTILINE | re.DOTALL)
            assert b"\r\nBcc" not in came
            assert (b"dkim=pass" in came) == (address == "carol@two.example"), "as the other domain has found"
            assert came.endswith(b"\r\n\r\nThe body.\r\n")
        (found,) = client.call("EmailSubmission/get", ids=[made["id"]])["list"]
        assert (found["emailId"], found["undoStatus"]) == (email, "final")
        status = {address: one["delivered"] for address, one in found["deliveryStatus"].items()}
        assert status["bob@one.example"] == "yes"
        assert status["carol@two.example"] in ("queued", "unknown"), "it was relayed, to the other domain"
