"""What every `Telemetry` promises: nothing raises, and no credential is logged."""

import contextlib
import io
import json
import subprocess
import sys

import pytest

from pillarbox.config.sections.log import Log, LogFormat, LogLevel
from pillarbox.mail.visible import has_hidden
from pillarbox.world.shared import for_one_alone
from pillarbox.world.telemetry import MemoryTelemetry, SystemTelemetry, Telemetry

JSON, TEXT = Log(format=LogFormat.JSON), Log(format=LogFormat.TEXT)


class Logged:
    """A telemetry and what it has logged, as text."""

    def __init__(self, kind: str) -> None:
        self.stream = io.StringIO()
        self.telemetry: Telemetry
        self._memory = MemoryTelemetry()
        self._recent = for_one_alone().recent
        self._system = SystemTelemetry(
            TEXT if kind == "readable" else JSON, stream=self.stream, recent=self._recent
        )
        self.telemetry = self._memory if kind == "memory" else self._system

    def text(self) -> str:
        return (
            self.stream.getvalue()
            + repr(self._memory.events + self._memory.failures)
            + repr(self._recent.all())
        )


@pytest.fixture(params=["memory", "json", "readable"])
def logged(request: pytest.FixtureRequest) -> Logged:
    return Logged(request.param)


def test_an_event_has_its_name_and_fields(logged: Logged) -> None:
    logged.telemetry.event("message accepted", account=7, peer="192.0.2.1")
    logged.telemetry.warning("disk nearly full", free_octets=10)
    text = logged.text()
    for expected in ("message accepted", "192.0.2.1", "disk nearly full", "free_octets"):
        assert expected in text


@pytest.mark.parametrize("field", ["password", "new_password", "token", "client_secret", "proof"])
def test_no_credential_is_logged(logged: Logged, field: str) -> None:
    logged.telemetry.event("login", **{field: "open sesame"})
    logged.telemetry.warning("login", **{field: b"open sesame"})
    logged.telemetry.failure("login", ValueError("x"), **{field: "open sesame"})
    assert "sesame" not in logged.text()
    assert field in logged.text()


def test_a_failure_is_logged_with_its_error(logged: Logged) -> None:
    try:
        raise LookupError("lost key")
    except LookupError as error:
        logged.telemetry.failure("session failed", error, session=3)
    assert "session failed" in logged.text()
    assert "lost key" in logged.text()


def test_what_cannot_be_written_does_not_raise(logged: Logged) -> None:
    logged.telemetry.event("odd", octets=b"\xff", thing=object(), text="\ud800 \r\n\0", deep={1: {2}})
    assert "odd" in logged.text()


def test_json_is_one_line_an_event() -> None:
    logged = Logged("json")
    logged.telemetry.event("first", text="two\nlines")
    logged.telemetry.event("second")
    lines = [json.loads(line) for line in logged.stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["first", "second"]
    assert lines[0]["text"] == "two\nlines"
    assert lines[0]["level"] == "info"
    assert lines[0]["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        (
            (
                "pillarbox.world.telemetry, pillarbox.world.resolver.system, pillarbox.world.resolver.cache,"
                " pillarbox.world.tls.server, pillarbox.world.tls.authority, pillarbox.server.login.authenticator"
            ),
            {"structlog", "prometheus_client", "dns", "cryptography", "argon2", "scramp", "ctypes"},
        ),
        (
            "pillarbox.server.sign_in.sign_in, pillarbox.server.sign_in.totp, pillarbox.server.sign_in.passkeys",
            {"webauthn", "cbor2", "OpenSSL", "argon2", "pyotp", "jinja2", "segno"},
        ),
    ],
)
def test_nothing_heavy_is_loaded_before_it_is_needed(modules: str, heavy: set[str]) -> None:
    program = (
        f"import sys\nimport {modules}\n"
        "pillarbox.world.telemetry.SystemTelemetry()\n"
        f"print(sorted({heavy} & set(sys.modules)))\n"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONPATH": "src"}
    )
    assert loaded.stdout.strip() == "[]"


def test_a_traceback_has_no_values_of_variables(logged: Logged) -> None:
    def fail(octets: bytes) -> None:
        raise LookupError(len(octets))

    try:
        fail(b"".join((b"hunter", b"2")))
    except LookupError as error:
        logged.telemetry.failure("session failed", error)
    text = logged.text()
    assert "LookupError" in text
    assert "hunter2" not in text


@pytest.mark.parametrize("readable", [False, True])
def test_where_nothing_can_be_written_nothing_fails(readable: bool) -> None:
    with open("/dev/full", "w") as full:
        telemetry = SystemTelemetry(TEXT if readable else JSON, stream=full)
        for _ in range(3_000):  # more than any buffer takes
            telemetry.event("message accepted", account=7)
            telemetry.warning("disk full", why=object())
        telemetry.failure("session failed", OSError("disk full"))
        with contextlib.suppress(OSError):
            full.close()
        telemetry.event("written after the end")


HIDING = "a\x1b[2Jb\x9bc\u202ed\u2028e\x7ff\r\ng\udc80"


@pytest.mark.parametrize("readable", [False, True])
def test_what_others_write_cannot_hide_or_forge_a_line(readable: bool) -> None:
    stream = io.StringIO()
    telemetry = SystemTelemetry(TEXT if readable else JSON, stream=stream)
    telemetry.event("said", text=HIDING)
    telemetry.event("plain", text="grün", number=1)
    telemetry.warning("said", several=[HIDING], odd=object())
    telemetry.failure("failed", ValueError(HIDING), text=HIDING)
    written = stream.getvalue()
    assert not has_hidden(written.replace("\n", ""))
    assert "grün" in written or "gr\\u00fcn" in written
    if readable:
        assert "\\x1b[2Jb\\x9bc\\u202ed\\u2028e\\x7ff\\x0d\\x0ag\\udc80" in written
    else:
        lines = [json.loads(line) for line in written.splitlines()]
        assert [line["event"] for line in lines] == ["said", "plain", "said", "failed"]
        assert lines[0]["text"] == HIDING


def test_below_its_level_nothing_is_logged() -> None:
    stream = io.StringIO()
    recent = for_one_alone().recent
    telemetry = SystemTelemetry(
        Log(level=LogLevel.ERROR, format=LogFormat.JSON), stream=stream, recent=recent
    )
    telemetry.event("accepted")
    telemetry.warning("disk nearly full", free_octets=7)
    telemetry.failure("failed", ValueError("lost"))
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["failed"]
    telemetry.reconfigure(JSON)
    telemetry.event("accepted")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["failed", "accepted"]
    assert [(kept.level, kept.event, kept.text) for kept in recent.all()] == [
        ("warning", "disk nearly full", "free_octets=7"),
        ("error", "failed", 'error="ValueError: lost"'),
    ], "what is not logged is still known"


def test_an_error_that_cannot_be_written_is_no_obstacle() -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise ValueError

    stream = io.StringIO()
    SystemTelemetry(JSON, stream=stream, recent=for_one_alone().recent).failure("failed", Odd())
    assert "failed" in stream.getvalue()
