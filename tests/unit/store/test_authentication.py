"""What checks found is kept with the email."""

from msgspec.structs import replace

from pillarbox.store import authentication
from pillarbox.store.append import append, rewrite_email
from pillarbox.trust.results import MethodResult, Property, Result
from tests.kit.stored_mail import ANNA, NOW_MS, mailbox, message, octets, open_store, put

RESULTS = (
    MethodResult(
        "spf", Result.PASS, "one.example", "ip4:192.0.2.1", (Property("smtp", "mailfrom", "a@one.example"),)
    ),
    MethodResult("dkim", Result.TEMPERROR, "grüße.example", "no answer"),
)


def test_results_are_kept_as_they_are() -> None:
    with open_store() as tx:
        checked = replace(message(octets()), authentication=authentication.encoded(RESULTS))
        done = append(tx, ANNA, mailbox(tx), checked, flags="", received_at_ms=NOW_MS, now_ms=NOW_MS)
        assert authentication.of(tx, done.email_id) == RESULTS


def test_what_is_rendered_again_keeps_them() -> None:
    with open_store() as tx:
        made = message(octets())
        checked = replace(made, authentication=authentication.encoded(RESULTS))
        done = append(tx, ANNA, mailbox(tx), checked, flags="", received_at_ms=NOW_MS, now_ms=NOW_MS)
        rewrite_email(tx, done.email_id, made.blob.blob.digest, made.summary)
        assert authentication.of(tx, done.email_id) == RESULTS


def test_a_message_that_was_not_checked_or_is_damaged_has_none() -> None:
    with open_store() as tx:
        done = put(tx)
        assert authentication.of(tx, done.email_id) == ()
        for damaged in (b"{", b'[{"method": 1}]', "text", 5):
            tx.execute("UPDATE emails SET authentication = ?", (damaged,))
            assert authentication.of(tx, done.email_id) == ()
