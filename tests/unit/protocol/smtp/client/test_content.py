import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.protocol.smtp.client.content import Stuffing, stuffed


@pytest.mark.rfc("5321 §4.5.2", "MUST")
@given(st.lists(st.text("a.\r\n", max_size=6), max_size=8))
def test_a_message_in_pieces_is_stuffed_as_the_whole(pieces: list[str]) -> None:
    octets = [piece.encode() for piece in pieces]
    stuffing = Stuffing()
    sent = b"".join([*map(stuffing.part, octets), stuffing.end()])
    assert sent == stuffed(b"".join(octets))
