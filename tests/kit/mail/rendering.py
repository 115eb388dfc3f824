"""Checks of what is always true of a summary, whatever the octets."""

from pillarbox.mail import bodystructure
from pillarbox.mail.summary import summarize
from tests.kit.imap.grammar import read_body, read_envelope


def check_rendering(octets: bytes) -> None:
    summary = summarize(octets)
    read_envelope(summary.envelope)
    for rev2 in (True, False):
        body, structure = bodystructure.of_revision((summary.body, summary.bodystructure), rev2=rev2)
        read_body(body, rev2=rev2)
        read_body(structure, extended=True, rev2=rev2)
    assert summary.size == len(octets)
    assert summary.header_size <= summary.size
    assert len(summary.preview) <= 256
    for text in (
        summary.preview,
        summary.subject,
        summary.base_subject,
        *summary.references,
        summary.sort_from,
    ):
        text.encode()  # no lone surrogates, and no NUL: every text can be stored
        assert "\0" not in text
    assert summary.cached_fields.count(b"\n") == summary.cached_fields.count(b"\r\n")
