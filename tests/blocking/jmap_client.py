"""A JMAP client for attacks: requests of many calls, several at once, and accounts with much in them."""

import base64
import http.client
import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from tests.blocking.target import Target
from tests.blocking.wire import PATIENCE_S, Wire

Call = tuple[str, dict[str, Any]]
"""A method and its arguments, but for the account's id."""
USING: Final = (
    "urn:ietf:params:jmap:core",
    "urn:ietf:params:jmap:mail",
    "urn:ietf:params:jmap:submission",
    "urn:ietf:params:jmap:vacationresponse",
    "urn:ietf:params:jmap:blob",
    "urn:ietf:params:jmap:quota",
    "urn:ietf:params:jmap:mdn",
    "urn:ietf:params:jmap:smimeverify",
    "urn:ietf:params:jmap:emailpush",
    "urn:ietf:params:jmap:contacts",
    "urn:pillarbox:jmap:vcard",
    "urn:pillarbox:jmap:snooze",
    "urn:pillarbox:jmap:undo",
    "urn:pillarbox:jmap:savedsearches",
    "urn:pillarbox:jmap:trace",
)
MAX_CALLS: Final = 64
MAX_OBJECTS: Final = 500
AT_ONCE: Final = 4
"""Requests that are sent together."""
_TYPES: Final = re.compile(rb'"type":"([A-Za-z]\w*)"')
_UPGRADE: Final = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol: jmap",
)


class Client:
    """The victim's own client, gone mad."""

    def __init__(self, target: Target) -> None:
        self._target = target
        login = f"{target.victim.login}:{target.victim.password}"
        self._login = f"Basic {base64.b64encode(login.encode()).decode()}"
        self.account: str = next(iter(json.loads(self._got("GET", "/jmap/session"))["accounts"]))

    def _got(self, method: str, path: str, octets: bytes | None = None, media_type: str = "a/b") -> bytes:
        provider = self._target.provider
        connection = http.client.HTTPConnection(provider.host, provider.ports["http"], timeout=PATIENCE_S)
        try:
            fields = {"Authorization": self._login, "Content-Type": media_type}
            connection.request(method, path, octets, fields)
            return connection.getresponse().read()
        finally:
            connection.close()

    # --- requests

    def body(self, calls: Sequence[Call], *, with_account: bool = True, **members: Any) -> bytes:
        """A request of these calls."""
        account = {"accountId": self.account} if with_account else {}
        numbered = [
            [method, {**account, **arguments}, str(number)]
            for number, (method, arguments) in enumerate(calls)
        ]
        return json.dumps({"using": USING, "methodCalls": numbered, **members}, ensure_ascii=False).encode()

    def post(self, body: bytes) -> bytes:
        """The answer to a request."""
        return self._got("POST", "/jmap/api/", body, "application/json")

    def answer(self, method: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments of the response to one call; of an error as well."""
        got = json.loads(self.post(self.body([(method, arguments)])))
        found: dict[str, Any] = got["methodResponses"][0][1]
        return found

    def flood(self, *bodies: bytes) -> str:
        """Send requests, each from several connections at once; the types of all errors, if there are any."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return told([got for body in bodies for got in pool.map(self.post, [body] * AT_ONCE)])

    def calls(self, method: str, arguments: dict[str, Any], number: int = MAX_CALLS) -> str:
        """The same call as often as a request may have it, in requests at once."""
        return self.flood(self.body([(method, arguments)] * number))

    # --- what is there

    def upload(self, octets: bytes, media_type: str = "message/rfc822") -> str:
        """The id of a blob with these octets."""
        blob: str = json.loads(self._got("POST", f"/jmap/upload/{self.account}/", octets, media_type))[
            "blobId"
        ]
        return blob

    def mailboxes(self, number: int = 1) -> list[str]:
        """The ids of new mailboxes."""
        there = len(self.ids("Mailbox/query"))
        found: list[str] = []
        while len(found) < number:
            some = range(len(found), min(number, len(found) + MAX_OBJECTS))
            created = {f"c{one}": {"name": f"box {there + one}"} for one in some}
            made = self.answer("Mailbox/set", {"create": created})["created"]
            found += [made[key]["id"] for key in created]
        return found

    def ids(self, method: str, **arguments: Any) -> list[str]:
        """What a query finds."""
        found: list[str] = self.answer(method, arguments)["ids"]
        return found

    def put(self, octets: bytes, mailbox: str, number: int = 1) -> list[str]:
        """The ids of so many emails with these octets."""
        blob, found = self.upload(octets), list[str]()
        given = {"blobId": blob, "mailboxIds": {mailbox: True}}
        while len(found) < number:
            some = min(MAX_OBJECTS, number - len(found))
            made = self.answer("Email/import", {"emails": {f"e{one}": given for one in range(some)}})
            if "created" not in made:
                raise RuntimeError(str(made))
            found += [email["id"] for email in made["created"].values()]
        return found

    # --- connections that stay

    def head(self, line: str, octets: int = 0, *fields: str) -> bytes:
        """The head of a request as it is sent."""
        lines = (
            f"{line} HTTP/1.1",
            "Host: a",
            f"Authorization: {self._login}",
            f"Content-Length: {octets}",
            *fields,
        )
        return "".join(f"{one}\r\n" for one in (*lines, "")).encode()

    def socket(self, *, receive_buffer: int = 0) -> Wire:
        """An open WebSocket."""
        wire = self._target.wire("http", receive_buffer=receive_buffer)
        got = wire.exchange(self.head("GET /jmap/ws/", 0, *_UPGRADE), rb"\r\n\r\n")
        assert b" 101 " in got, got
        return wire


def frame(octets: bytes, *, opcode: int = 1, final: bool = True) -> bytes:
    """A frame of a client, masked with zeros (RFC 6455 §5.2)."""
    size = len(octets)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 65536:
        length = b"\xfe" + size.to_bytes(2, "big")
    else:
        length = b"\xff" + size.to_bytes(8, "big")
    return bytes([opcode | 0x80 * final]) + length + bytes(4) + octets


def told(answers: Sequence[bytes]) -> str:
    """The types of errors in answers, each once."""
    kinds = [kind.decode() for answer in answers for kind in _TYPES.findall(answer)]
    kinds += ["limit" for answer in answers if b'"limit":' in answer]
    return ", ".join(dict.fromkeys(kinds)) or "answered"
