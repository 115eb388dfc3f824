"""msmtp (GnuTLS and GNU SASL): submission with every mechanism it shares with us."""

from pathlib import Path

import pytest

from tests.interop.demo import Demo, Person
from tests.interop.programs import run
from tests.interop.reading import messages

pytestmark = pytest.mark.interop

MESSAGE = "Subject: by msmtp\nTo: {}\n\n.one dot\nFrom here\n\nlast line without an end"


def msmtp(provider: Demo, home: Path, sender: Person, to: str, *options: str, expect: int = 0) -> str:
    """The output of msmtp."""
    text = MESSAGE.format(to)
    done = run(
        "msmtp", "--file=/dev/null", "--host=localhost", "--tls=on", f"--tls-trust-file={provider.authority}",
        f"--user={sender.login}", f"--passwordeval=echo {sender.password}", f"--from={sender.address}",
        "--debug", *options, "--", to, input=f"From: {sender.address}\n{text}".encode(), home=home, expect=expect,
    )  # fmt: skip
    return done.stdout.decode() + done.stderr.decode()


@pytest.mark.parametrize("mechanism", ["plain", "login", "scram-sha-256"])
@pytest.mark.parametrize("door", ["submission", "submissions"])
def test_submission(provider: Demo, home: Path, door: str, mechanism: str) -> None:
    sender, receiver = provider.newcomer(), provider.newcomer()
    way = (f"--port={provider.ports[door]}", f"--tls-starttls={'on' if door == 'submission' else 'off'}")
    msmtp(provider, home, sender, receiver.address, *way, f"--auth={mechanism}")
    [octets] = messages(provider, receiver)
    assert octets.endswith(b"\r\n\r\n.one dot\r\nFrom here\r\n\r\nlast line without an end\r\n")


def test_it_chooses_a_mechanism_by_itself(busy_provider: Demo, home: Path) -> None:
    sender, receiver = busy_provider.newcomer(), busy_provider.newcomer()
    way = (f"--port={busy_provider.ports['submission']}", "--tls-starttls=on", "--auth=on")
    assert "235 2.7.0" in msmtp(busy_provider, home, sender, receiver.address, *way)
    assert len(messages(busy_provider, receiver)) == 1


def test_a_recipient_who_is_not_there(provider: Demo, home: Path) -> None:
    sender = provider.newcomer()
    way = (f"--port={provider.ports['submission']}", "--tls-starttls=on", "--auth=on")
    assert "550 5.1.1" in msmtp(provider, home, sender, "nobody@one.example", *way, expect=65)
