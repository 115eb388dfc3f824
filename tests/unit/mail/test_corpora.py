"""Every message of the public corpora is parsed: nothing raises, and no octet is lost."""

import pytest

from pillarbox.mail import mbox
from pillarbox.mail.part_parser import parse
from tests.kit.corpora import mailing_list, needs_corpora, single_messages
from tests.kit.mail.invariants import check_message

pytestmark = needs_corpora


def test_every_single_message_is_read_and_nothing_is_lost() -> None:
    read = [check_message(octets) for _, octets in single_messages()]

    assert len(read) > 200


def test_every_single_message_is_read_with_either_line_end() -> None:
    for _, octets in single_messages():
        bare = octets.replace(b"\r\n", b"\n")
        check_message(bare)
        check_message(bare.replace(b"\n", b"\r\n"))


def test_truncation_anywhere_is_borne() -> None:
    for name, octets in single_messages():
        if len(octets) < 4_000 and "malformed" in name:
            for end in range(0, len(octets), 7):
                check_message(octets[:end])


def test_the_mailing_list_is_split_and_read_whole() -> None:
    # `grep -c "^From "` counts 3,240: three of them are sentences that begin with "From ".
    entries = list(mailing_list())

    assert len(entries) == 3_237
    for entry in entries:
        assert isinstance(entry, mbox.Entry)
        assert entry.received_at_ms is not None
        root = check_message(entry.message)
        assert root.header.first("from")
        assert root.header.first("date")


def test_the_mailing_lists_signed_mail_has_both_its_parts() -> None:
    signed = [
        root
        for entry in mailing_list()
        if isinstance(entry, mbox.Entry)
        for root in parse(entry.octets).walk()
        if root.content_type == "multipart/signed"
    ]

    # One of them was cut off by the list before its signature.
    assert sorted(len(part.children) for part in signed) == [1] + [2] * 437


@pytest.mark.parametrize("chunk_octets", [1, 1_000, 10_000_000])
def test_chunks_cut_anywhere_give_the_same_messages(chunk_octets: int) -> None:
    octets = b"".join(entry.separator + b"\r\n" + entry.octets + b"\r\n" for entry in _first_entries(30))
    chunks = (octets[at : at + chunk_octets] for at in range(0, len(octets), chunk_octets))

    read = [entry.octets for entry in mbox.messages(chunks) if isinstance(entry, mbox.Entry)]
    assert read == [entry.octets for entry in _first_entries(30)]


def _first_entries(count: int) -> list[mbox.Entry]:
    entries = []
    for entry in mailing_list():
        assert isinstance(entry, mbox.Entry)
        entries.append(entry)
        if len(entries) == count:
            break
    return entries
