"""What is always true of a summary, whatever octets it was made from."""

from pillarbox.mail.summary import summarize
from tests.kit.imap.grammar import read_body, read_envelope


def check_rendering(octets: bytes) -> None:
    summary = summarize(octets)
    read_envelope(summary.envelope)
    read_body(summary.body)
    read_body(summary.bodystructure, extended=True)
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
