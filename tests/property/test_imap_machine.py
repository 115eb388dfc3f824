"""The IMAP machine, whatever is sent and however it is cut."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.protocol.imap.capabilities import Conditions
from pillarbox.protocol.imap.events import Event, MessageOctets, Response
from pillarbox.protocol.imap.states import State
from tests.kit.imap.dialogue import Dialogue
from tests.kit.imap.responses import Continuation, Status, read_responses

SCRIPT = (
    b"1 CAPABILITY\r\n2 LOGIN {3+}\r\njoe {6}\r\nsecret\r\n3 ENABLE CONDSTORE\r\n"
    b"4 APPEND {3+}\r\nbox (\\Seen) {12+}\r\nFrom: x\r\n\r\n. {3+}\r\nabc\r\n"
    b"5 SELECT INBOX (CONDSTORE)\r\n6 UID FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (A {1+}\r\nB)])\r\n"
    b"7 IDLE\r\nDONE\r\n8 SEARCH CHARSET UTF-8 TEXT {2+}\r\n\xc3\xa9\r\n9 XYZZY {5+}\r\n10 NO\r\n"
    b"10 APPEND box {5000+}\r\n"
    + b"y" * 5000
    + b"\r\n11 BAD\r\n12 STORE 1:2 +FLAGS (\\Seen)\r\n13 LOGOUT\r\n"
)


def together(events: list[Event]) -> list[Event]:
    """The same events with the octets of each message in one piece."""
    found: list[Event] = []
    for event in events:
        if isinstance(event, MessageOctets) and found and isinstance(found[-1], MessageOctets):
            found[-1] = MessageOctets(found[-1].octets + event.octets)
        else:
            found.append(event)
    return found


def played(chunks: list[bytes], state: State = State.NOT_AUTHENTICATED) -> list[Event]:
    # Without STARTTLS: what is lost there depends on when it came, and is meant to
    dialogue = Dialogue(state, conditions=Conditions(mechanisms=("PLAIN",)))
    return together([event for chunk in chunks for event in dialogue.send(chunk)])


def cut(octets: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({place % (len(octets) + 1) for place in places} | {0, len(octets)})
    return [octets[start:stop] for start, stop in pairwise(edges)]


WHOLE = played([SCRIPT])


@given(st.lists(st.integers(0, len(SCRIPT)), max_size=40))
@settings(max_examples=150)
def test_any_chunking_gives_the_same_events(places: list[int]) -> None:
    assert played(cut(SCRIPT, places)) == WHOLE


def test_octet_by_octet() -> None:
    assert played([bytes([octet]) for octet in SCRIPT]) == WHOLE
    assert len(WHOLE) == 19


PIECES = st.sampled_from(
    [
        b"a ", b"b1 ", b"UID ", b"FETCH ", b"SEARCH ", b"LOGIN ", b"APPEND ", b"STORE ", b"LIST ", b"SELECT ", b"IDLE",
        b"AUTHENTICATE ", b"PLAIN", b"ENABLE ", b"DONE", b"*", b"1:*", b"1,2", b"$", b"(", b")", b'"', b"\\", b"[",
        b"]", b"{3}", b"{3+}", b"~{2+}", b"{0+}", b"{99999+}", b"abc", b"\r\n", b"\n", b"\r", b" ", b"\0", b"\xff",
        b"FLAGS", b"\\Seen", b"BODY[", b"TEXT", b"<0.1>", b"NOT ", b"OR ", b"ALL", b"NOOP", b"STARTTLS",
    ]
)  # fmt: skip


@given(
    st.sampled_from(list(State)),
    st.lists(PIECES, max_size=40).map(b"".join),
    st.lists(st.integers(0, 200), max_size=9),
)
@settings(max_examples=200)
def test_nonsense_is_answered_in_order_and_alike(state: State, octets: bytes, places: list[int]) -> None:
    """Nothing raises, the chunks don't matter, and all that the machine sends itself is well-formed."""
    events = played([octets], state)
    assert events == played(cut(octets, places), state)
    for event in events:
        if isinstance(event, Response):
            assert all(
                isinstance(said, Status) or (isinstance(said, Continuation) and said.text)
                for said in read_responses(event.octets)
            )
