"""The npm package mailauth as a process that answers requests; skipped where it is not installed."""

import base64
import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pillarbox.dns import Failure, Kind, Mx
from tests.kit.asking import Answers

SCRIPT = Path(__file__).with_suffix(".js")


class Mailauth:
    """It is asked one thing after another, with the DNS that it may ask."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def ask(self, answers: Answers, **request: Any) -> tuple[str, str]:
        """The result, and why."""
        if isinstance(request.get("message"), bytes):
            request["message"] = base64.b64encode(request["message"]).decode()
        asked, said = self._process.stdin, self._process.stdout
        assert asked is not None
        assert said is not None
        asked.write(json.dumps(request | _dns(answers)).encode() + b"\n")
        asked.flush()
        found = json.loads(said.readline())
        return found["result"], found["why"]


@contextlib.contextmanager
def mailauth() -> Iterator[Mailauth]:
    """Start it; `NODE_PATH` says where it is."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    if subprocess.run([node, "-e", "require('mailauth')"], capture_output=True, check=False).returncode:
        pytest.skip("the npm package mailauth is not installed (in NODE_PATH)")
    with subprocess.Popen([node, SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield Mailauth(process)
        process.communicate()


def _dns(answers: Answers) -> dict[str, Any]:
    """The records as node has them."""
    records, failures = dict[str, list[Any]](), list[str]()
    for (name, kind), found in answers.zone.items():
        key = f"{name} {kind.value}"
        if isinstance(found, Failure):
            failures.append(key)
        elif not isinstance(found, Mapping):
            records[key] = [_value(kind, record) for record in found]  # type: ignore[union-attr]
    return {"records": records, "failures": failures, "names": [name for name, _ in answers.zone]}


def _value(kind: Kind, record: Any) -> Any:
    if isinstance(record, Mx):
        return {"priority": record.preference, "exchange": record.exchange}
    return [record.decode("latin-1")] if kind is Kind.TXT else record
