"""What a session keeps while its client is silent: ten thousand of them may be."""

import gc
import tracemalloc

from tests.kit.imap.client import ImapClient, ImapProvider, open_imap

SESSIONS = 50
MAX_OCTETS = 1500
"""For each session: some 1,200 with Python 3.11, without its connection. With a queue for input, sets, lists and
closures that are not needed while it is silent it was twice as much."""


def idling(mail: ImapProvider) -> ImapClient:
    client = mail.client(select="INBOX")
    client.send(b"i IDLE\r\n")
    return client


def test_a_session_in_idle_takes_little_memory() -> None:
    with open_imap() as mail:
        clients = [idling(mail) for _ in range(5)]  # what all sessions share is there now
        gc.collect()
        tracemalloc.start()
        try:
            clients += [idling(mail) for _ in range(SESSIONS)]
            gc.collect()
            package = tracemalloc.Filter(inclusive=True, filename_pattern="*/pillarbox/*")
            kept = tracemalloc.take_snapshot().filter_traces([package])
        finally:
            tracemalloc.stop()
        assert sum(trace.size for trace in kept.traces) / SESSIONS < MAX_OCTETS
        assert len(clients) == SESSIONS + 5


def test_sessions_share_what_is_the_same_for_all() -> None:
    with open_imap() as mail:
        one, other = mail.client().session, mail.client().session
        assert one.machine.conditions is other.machine.conditions
        assert one.machine.enabled is other.machine.enabled
