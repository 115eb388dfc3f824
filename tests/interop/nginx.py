"""nginx as a proxy with TLS and HTTP/2 in front of an HTTP server on loopback."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.interop.programs import need
from tests.kit.certificate import certificate_file
from tests.kit.served import free_ports

# The fields are those that docs/operate/http.md tells operators to set
CONFIGURATION = """
daemon off;
master_process off;
error_log {folder}/error.log warn;
pid {folder}/nginx.pid;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    map $http_authorization $login {{ "" "{authorization}"; default $http_authorization; }}
    server {{
        listen 127.0.0.1:{port} ssl http2;
        ssl_certificate {certificate};
        ssl_certificate_key {certificate};
        location = /page.html {{ default_type text/html; return 200 "<!doctype html><title>page</title>"; }}
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header Forwarded "";
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $http_connection;
            proxy_set_header Authorization $login;
            proxy_buffering off;
            client_max_body_size 60m;
        }}
    }}
}}
"""


@contextlib.contextmanager
def nginx(folder: Path, *, upstream: int, authorization: str = "") -> Iterator[int]:
    """Pass on to the port `upstream`, with this Authorization field where a request has none; yields the port of HTTPS.

    It has a page of its own, /page.html, in which scripts may run.
    """
    program, (port,) = need("nginx"), free_ports(1)
    configuration = folder / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(
            folder=folder,
            port=port,
            upstream=upstream,
            authorization=authorization,
            certificate=certificate_file(),
        )
    )
    command = [program, "-c", str(configuration), "-p", str(folder), "-e", str(folder / "error.log")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            _wait(process, port, folder / "error.log")
            yield port
        finally:
            process.terminate()


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    for _ in range(100):
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5):
            return
        time.sleep(0.1)
    raise AssertionError("nginx does not answer")
