"""What was read from a message may be given to a new one, and is read from that again (RFC 8621 §4.6)."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from pillarbox.mail.composing.entity import ComposedMessage
from pillarbox.protocol.jmap.email.composing import Draft, Made, compose, read
from pillarbox.protocol.jmap.email.composing_refusal import Refusal
from pillarbox.protocol.jmap.email.email_row import EmailRow
from pillarbox.protocol.jmap.email.header_property import CONVENIENCE
from pillarbox.protocol.jmap.email.plan import Plan, body_arguments
from pillarbox.protocol.jmap.types.email import EmailParseArguments
from tests.kit.corpora import needs_corpora, single_messages

MADE = Made(message_id="made@x.example", now_ms=1_700_000_000_000, boundary_seed="seed")
PLAN = Plan.of_parse(
    None,
    body_arguments(
        EmailParseArguments(
            account_id="A1", blob_ids=[], fetch_text_body_values=True, fetch_html_body_values=True
        )
    ),
)


def email_of(octets: bytes) -> dict[str, Any]:
    return json.loads(PLAN.render(EmailRow("B", len(octets)), octets))  # type: ignore[no-any-return]


def again(properties: dict[str, Any]) -> dict[str, Any] | None:
    """What is read from the message that these properties make; None where they are refused."""
    draft = read(properties)
    if isinstance(draft, Refusal):
        assert draft.properties
        return None
    assert isinstance(draft, Draft)
    message = compose(draft, {}, MADE)
    assert isinstance(message, ComposedMessage)
    return email_of(b"".join(message.pieces()))


@pytest.mark.rfc("8621 §4.6", "MUST")
@needs_corpora
def test_every_email_makes_another_or_its_faults_are_named() -> None:
    for _, octets in single_messages():
        found = read(email_of(octets))
        assert isinstance(found, Draft) or found.properties


def _headers() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, octets in single_messages():
        email = email_of(octets)
        if given := {key: email[key] for key in CONVENIENCE if email[key]}:
            yield name, given


@needs_corpora
def test_header_fields_come_through() -> None:
    refused = []
    for name, given in _headers():
        made = again(given)
        if made is None:
            refused.append(name)
        else:
            assert {key: made[key] for key in given} == given, name
    # Its To has more than a name may have
    assert refused == ["mimekit/messages/stack-overflow.txt"]


@pytest.mark.parametrize(
    "text", ["", "plain", "ä€😀\n\n.\nFrom x\n", "x" * 2000, "a \n\tb\n", "no line end", "<p>h&auml;</p>"]
)
@pytest.mark.parametrize("subtype", ["plain", "html"])
def test_texts_come_through(text: str, subtype: str) -> None:
    name = "textBody" if subtype == "plain" else "htmlBody"
    made = again({"bodyValues": {"1": {"value": text}}, name: [{"partId": "1", "type": f"text/{subtype}"}]})

    assert made is not None
    assert [value["value"] for value in made["bodyValues"].values()] == [text]
    assert not any(value["isEncodingProblem"] for value in made["bodyValues"].values())
