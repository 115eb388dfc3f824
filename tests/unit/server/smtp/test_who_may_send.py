"""Who may send as whom: one table, asked by SMTP and by JMAP, with the same answers."""

import pytest

from pillarbox.delivery.submitted_envelope import NotSubmitted
from tests.kit.smtp.provider import SmtpProvider, run_with_smtp
from tests.kit.smtp.submitting import Submitter, envelope
from tests.unit.server.smtp.test_submission import logged_in, submit

MAY = [
    "anna@one.example",
    "ANNA@One.Example",
    "anna+shop@one.example",
    "info@one.example",
    "both@one.example",
    "crew@one.example",
]
MAY_NOT = [
    "bert@one.example",
    "anna@two.example",
    "away@one.example",
    "anna@elsewhere.example",
    "loop@one.example",
]


def message(author: str) -> str:
    return f"From: {author}\r\nSubject: x\r\n\r\nText\r\n"


@pytest.mark.parametrize("address", MAY + MAY_NOT)
def test_the_envelopes_sender(address: str) -> None:
    async def test(provider: SmtpProvider) -> None:
        client = await logged_in(provider)
        (code,) = await client.codes(f"MAIL FROM:<{address}>")
        found = await Submitter(provider).submit(
            message("anna@one.example").encode(), envelope("bert@one.example", sender=address)
        )
        by_jmap = found.type if isinstance(found, NotSubmitted) else ""
        assert (code, by_jmap) == ((250, "") if address in MAY else (550, "forbiddenMailFrom"))

    run_with_smtp(test)


@pytest.mark.parametrize(
    "author",
    [
        *MAY,
        *MAY_NOT,
        "anna@one.example, info@one.example",
        "anna@one.example, bert@one.example",
        "bert@one.example anna@one.example",
        '"bert@one.example" <anna@one.example>',
        "crew: anna@one.example, bert@one.example;",
        "anna",
    ],
)
def test_the_author(author: str) -> None:
    good = author in MAY or author in (
        "anna@one.example, info@one.example",
        '"bert@one.example" <anna@one.example>',
    )

    async def test(provider: SmtpProvider) -> None:
        client = await logged_in(provider)
        answer = await submit(client, message(author), "bert@one.example")
        found = await Submitter(provider).submit(message(author).encode(), envelope("bert@one.example"))
        by_jmap = found.type if isinstance(found, NotSubmitted) else ""
        assert (answer[:3], by_jmap) == (("250", "") if good else ("550", "forbiddenFrom"))

    run_with_smtp(test)
