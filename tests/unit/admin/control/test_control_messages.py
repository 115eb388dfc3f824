"""Requests and answers as lines."""

import pytest

from pillarbox.admin.control.messages import (
    Answer,
    End,
    Failed,
    GetSessions,
    GetStatus,
    Kick,
    Kicked,
    NotUnderstood,
    Request,
    Selection,
    read_answer,
    read_request,
    written,
)

REQUESTS = [
    GetStatus(),
    GetSessions(),
    Kick(Selection(ids=("7.imap.1",), login="a@b", network="192.0.2.0/24")),
]
ANSWERS = [End(), Failed("why\n"), Kicked(3)]


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_request_is_read_as_it_was_written(request_: Request) -> None:
    line = written(request_)
    assert line.count(b"\n") == 1
    assert read_request(line) == request_


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_is_read_as_it_was_written(answer: Answer) -> None:
    assert read_answer(written(answer)) == answer


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}",
        b"7",
        b'{"type":"reboot"}',
        b'{"type":"kick"}',
        b'{"type":"kick","selection":7}',
        b"\xff",
        b"[" * 5000,
        b'{"type":"status","x":' + b"[" * 8000,
    ],
)
def test_what_is_no_request_is_not_understood(line: bytes) -> None:
    with pytest.raises(NotUnderstood):
        read_request(line)


def test_a_newer_command_may_say_more() -> None:
    assert read_request(b'{"type":"status","verbose":true}') == GetStatus()
    assert read_answer(b'{"type":"kicked","sessions":2,"accounts":1}') == Kicked(2)
