"""HTTP of a served installation: loaded where it is listened for, reloaded, watched and stopped as all else."""

import http.client
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.kit.served import Served, free_ports

LIBRARIES = ("starlette", "websockets", "httptools", "anyio")


class ServedHttp(Served):
    """A server that listens for HTTP and HTTPS, and for collectors of metrics."""

    def __init__(self, folder: Path) -> None:
        self.http, self.https, self.metrics = free_ports(3)
        super().__init__(folder)

    def listening(self) -> list[str]:
        """See `Served`."""
        ports = {"http": self.http, "https": self.https, "metrics": self.metrics}
        return [f'{name} = ["127.0.0.1:{port}"]' for name, port in ports.items()]

    def client(self) -> http.client.HTTPSConnection:
        """A client that verifies the certificate of now."""
        context = ssl.create_default_context(cafile=str(self.there.data / "tls" / "ca.pem"))
        context.check_hostname = False
        context.set_alpn_protocols(["http/1.1"])
        return http.client.HTTPSConnection("127.0.0.1", self.https, context=context, timeout=20)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedHttp]:
    server = ServedHttp(tmp_path)
    try:
        yield server
    finally:
        server.end()


def asked(client: http.client.HTTPConnection) -> int:
    client.request("GET", "/")
    response = client.getresponse()
    response.read()
    return response.status


def test_http_is_a_service_like_the_others(served: ServedHttp) -> None:
    plain = http.client.HTTPConnection("127.0.0.1", served.metrics, timeout=20)
    with closing(served.client()) as client, closing(plain):
        _like_the_others(served, client, plain)


def _like_the_others(
    served: ServedHttp, client: http.client.HTTPSConnection, plain: http.client.HTTPConnection
) -> None:
    assert asked(client) == 200
    certificate = client.sock.getpeercert(binary_form=True)

    shown = json.loads(served.there.run("who", "--json").stdout)
    assert [(one["service"], one["state"], one["command"]) for one in shown] == [("https", "idle", "GET /")]

    def counted() -> bool:
        plain.request("GET", "/metrics")
        text = plain.getresponse().read().decode()
        return 'http_responses_total{status="2xx"} 1' in text and 'connections{service="https"} 1' in text

    served.until(counted)

    # another certificate, for those who connect from now on
    for file in (served.there.data / "tls").iterdir():
        if not file.name.startswith("ca"):
            file.unlink()
    served.reload()
    assert asked(client) == 200
    with closing(served.client()) as again:
        assert asked(again) == 200
        assert again.sock.getpeercert(binary_form=True) != certificate

    assert served.end() == 0
    assert client.sock.recv(1) == b""
    assert "Traceback" not in served.log.read_text()


def test_who_does_not_listen_for_http_loads_none_of_it() -> None:
    code = (
        "import sys; import pillarbox.app.serving, pillarbox.app.demo, pillarbox.app.commands.serve\n"
        "from pillarbox.app.sessions import load; load(('imap', 'metrics'))\n"
        f"print([name for name in {LIBRARIES!r} if name in sys.modules])\n"
        f"load(('https',)); print([name for name in {LIBRARIES!r} if name not in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines() == ["[]", "[]"]
