"""SearchSnippet/get (RFC 8621 §5.1): where the texts of a filter are in emails."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Final

from msgspec import Struct

from pillarbox.mail import object_id, search_terms
from pillarbox.protocol.jmap import arguments
from pillarbox.protocol.jmap.email import snippet
from pillarbox.protocol.jmap.filters import Condition, Filter, read_filter
from pillarbox.protocol.jmap.types.search_snippet import SearchSnippetGetArguments
from pillarbox.server.jmap.context import Context
from pillarbox.server.jmap.emails.filters import conditions
from pillarbox.server.jmap.emails.reading import EmailReader, named
from pillarbox.store.email_reading import Found, Part, Wanted
from pillarbox.store.fetch import Column

_OF_SUBJECT: Final = ("text", "subject")
_OF_BODY: Final = ("text", "body")
"""The conditions whose texts are looked for in each."""


class _Terms(Struct, frozen=True):
    """What is looked for, folded."""

    of_subject: list[str]
    of_body: list[str]


async def get(context: Context, given: dict[str, Any]) -> dict[str, Any]:
    """RFC 8621 §5.1. It has no state: what it returns depends on a filter."""
    call = arguments.read(SearchSnippetGetArguments, given)
    chosen = read_filter(call.filter, conditions(context.using), context.limits)
    terms = _Terms(_terms(chosen, _OF_SUBJECT), _terms(chosen, _OF_BODY))
    asked = named(arguments.wanted(call.email_ids, context.created, context.limits))
    part = Part.ALL if terms.of_body else Part.NOTHING
    reader = EmailReader(context, context.account_id(given), Wanted((Column.SUBJECT,), part))
    snippets = {}
    async for found in reader.emails(asked.ids):
        snippets[found.email.id] = await _snippet(reader, found, terms)
    return {
        "accountId": call.account_id,
        "list": [snippets[email] for email in asked.ids if email in snippets],
        "notFound": asked.missing({*snippets}) or None,
    }


async def _snippet(reader: EmailReader, found: Found, terms: _Terms) -> dict[str, Any]:
    (subject,) = found.columns
    preview = None
    if terms.of_body:
        preview = await reader.work(found, partial(snippet.preview, terms=terms.of_body))
    return {
        "emailId": object_id.of_email(found.email.id),
        "subject": snippet.subject(subject, terms.of_subject),
        "preview": preview,
    }


def _terms(chosen: Filter | None, conditions: Iterable[str]) -> list[str]:
    """The texts that an email with a match has, as they are looked for."""
    return snippet.folded_terms(
        term for text in _texts(chosen, frozenset(conditions)) for term in search_terms.terms(text)
    )


def _texts(chosen: Filter | None, conditions: frozenset[str]) -> Iterator[str]:
    match chosen:
        case None:
            return
        case Condition(properties):
            yield from (value for name, value in properties.items() if name in conditions)
        case _ if chosen.operator != "NOT":  # what must not be there is not shown
            for each in chosen.conditions:
                yield from _texts(each, conditions)
