"""Whatever a web server sends is a page or a failure, and never more than is wanted."""

from hypothesis import given
from hypothesis import strategies as st

from pillarbox.web.page import MAX_RETRY_AFTER_OCTETS
from pillarbox.web.target import UrlRefused, redirected, target_of
from pillarbox.world.fetcher.response import ResponseReader

MAX_OCTETS, PIECE_OCTETS = 100, 400
PIECES = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.0 404 \r\n",
        b"Content-Length: 5\r\n",
        b"Retry-After: " + b"5" * 80 + b"\r\n",
        b"Content-Length: 05\r\n",
        b"Content-Length:\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked, gzip\r\n",
        b"Connection: upgrade\r\nUpgrade: x\r\n",
        b" folded\r\n",
        b"\r\n",
        b"\n",
        b"5\r\nabcde\r\n",
        b"ffffffffffffffff\r\n",
        b"0\r\n\r\n",
        b"abcde",
        b"x" * PIECE_OCTETS,
    ]
)


@given(st.lists(PIECES | st.binary(max_size=20), max_size=60), st.sampled_from([0, MAX_OCTETS]))
def test_no_response_raises_or_is_kept_beyond_the_limit(pieces: list[bytes], max_octets: int) -> None:
    reader = ResponseReader(max_octets)
    for piece in [*pieces, b""]:
        if reader.is_complete or reader.failure is not None:
            break
        reader.receive(piece)
        assert len(reader._body) <= MAX_OCTETS + PIECE_OCTETS
    assert reader.is_complete is not (reader.failure is not None)
    if reader.is_complete:
        assert len(reader.page.octets) <= max_octets
        assert len(reader.retry_after) <= MAX_RETRY_AFTER_OCTETS
        assert reader.status >= 200
        assert isinstance(reader.location, str)


@given(st.text(max_size=40) | st.text(max_size=40).map("https://{}".format))
def test_no_url_raises_but_for_being_refused(url: str) -> None:
    for one in (url, redirected("https://one.example/a", url)):
        try:
            target = target_of(one)
        except UrlRefused:
            continue
        assert target.path.startswith("/")
        assert target.path.isascii()
        assert " " not in target.authority + target.path
