"""Exported messages come back octet for octet, through the quoting of an mbox too."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.admin.exporting.mbox import entry_octets
from pillarbox.admin.importing import marker
from pillarbox.admin.importing.fields import unpack
from pillarbox.mail.mbox import Entry, messages

PIECES = (
    b"From ", b"From a@b Tue Jul 23 19:39:23 2002", b">From ", b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"Status: RO\r\n",
    b"X-Status: F\r\n", b"X-Keywords: a, b\r\n", b"X-Mozilla-Status: 0008\r\n", b" folded",
    b"Content-Length: 1\r\n\r\nx",
    b"X-Gmail-Labels: Trash\r\n", b"X-Pillarbox: received=1 size=2 lines=crlf flags=\n", b"Subject: x\r\n",
    b"\0", b"\xff",
)  # fmt: skip

octets = st.lists(st.sampled_from(PIECES) | st.binary(max_size=4), max_size=12).map(b"".join)


@given(st.lists(octets, min_size=1, max_size=4), st.integers(-(10**12), 10**14))
def test_any_octets_come_back(bodies: list[bytes], at_ms: int) -> None:
    flags = "\\Seen $Forwarded"
    file = b"".join(entry_octets(body, flags, at_ms) for body in bodies)
    entries = [entry for entry in messages([file]) if isinstance(entry, Entry)]
    found = [unpack(entry) for entry in entries]
    assert [(one.octets, one.flags, one.received_at_ms) for one in found] == [
        (body, flags, at_ms) for body in bodies
    ]


@pytest.mark.parametrize("flags", ["", "\\Seen", "\\Answered \\Flagged \\Deleted \\Seen \\Draft a b"])
def test_other_programs_find_their_fields(flags: str) -> None:
    written = marker.written(b"Subject: x\r\n\r\n", flags, 0)
    head, _, rest = written.partition(b"X-Pillarbox:")
    assert unpack(Entry(b"", head + b"\n")).flags == flags
    assert rest == b" received=0 size=14 lines=crlf flags=%b\nSubject: x\n\n" % flags.encode()
