"""Arguments of the standard methods, and of those that have more (RFC 8620 §5, RFC 8621)."""

from typing import Any

import pytest

from pillarbox.protocol.jmap import arguments
from pillarbox.protocol.jmap.arguments import Arguments
from pillarbox.protocol.jmap.errors import MethodError, SetError
from pillarbox.protocol.jmap.ids import CreatedIds
from pillarbox.protocol.jmap.limits import Limits
from pillarbox.protocol.jmap.types import email, email_submission, mailbox, search_snippet

LIMITS = Limits(max_objects_in_get=3, max_objects_in_set=3)


def refused(kind: type[Arguments], given: dict[str, Any]) -> str:
    with pytest.raises(MethodError) as error:
        arguments.read(kind, {"accountId": "A1", **given})
    return error.value.type


@pytest.mark.rfc("8620 §5.1", "MUST")
def test_no_ids_are_not_all_ids() -> None:
    created = CreatedIds({"k": "M1"})

    def wanted(**given: Any) -> tuple[str, ...] | None:
        call = arguments.read(arguments.GetArguments, {"accountId": "A1", **given})
        return call.wanted(created, LIMITS)

    assert wanted() is None
    assert wanted(ids=None) is None
    assert wanted(ids=[]) == ()
    assert wanted(ids=["M2", "#k", "M1"]) == ("M2", "M1")
    with pytest.raises(MethodError) as error:
        wanted(ids=["M1", "M1", "M1", "M1"])
    assert error.value.type == "requestTooLarge"


@pytest.mark.rfc("8620 §5.3", "MUST")
def test_how_many_records_of_a_set() -> None:
    given = {"create": {"a": {}}, "update": {"M1": {}}, "destroy": ["M2"]}
    arguments.read(arguments.SetArguments, {"accountId": "A1", **given}).check(LIMITS)
    more = arguments.read(arguments.SetArguments, {"accountId": "A1", **given, "destroy": ["M2", "M2"]})
    with pytest.raises(MethodError) as error:
        more.check(LIMITS)
    assert error.value.type == "requestTooLarge"


def test_a_copy() -> None:
    call = arguments.read(
        arguments.CopyArguments, {"accountId": "A1", "fromAccountId": "A2", "create": {"k": {"id": "M1"}}}
    )
    call.check(LIMITS)
    assert arguments.copied_id(call.create["k"], CreatedIds()) == "M1"
    assert arguments.copied_id({"id": "#k"}, CreatedIds({"k": "M2"})) == "M2"
    for record in ({}, {"id": 1}, {"id": ""}, {"id": None}):
        error = arguments.copied_id(record, CreatedIds())
        assert isinstance(error, SetError)
        assert error.extra == {"properties": ["id"]}
    many = {f"k{number}": {"id": "M1"} for number in range(4)}
    call = arguments.read(arguments.CopyArguments, {"accountId": "A1", "fromAccountId": "A2", "create": many})
    with pytest.raises(MethodError) as too_many:
        call.check(LIMITS)
    assert too_many.value.type == "requestTooLarge"


@pytest.mark.rfc("8620 §3.9", "MUST")
@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (arguments.GetArguments, {"Ids": []}),
        (arguments.GetArguments, {"accountId": "A 1"}),
        (arguments.GetArguments, {"accountId": None}),
        (arguments.ChangesArguments, {"sinceState": None}),
        (arguments.ChangesArguments, {"sinceState": "1", "maxChanges": 1.5}),
        (arguments.SetArguments, {"update": {"": {}}}),
        (arguments.CopyArguments, {"fromAccountId": "A2", "create": None}),
        (arguments.QueryArguments, {"filter": []}),
        (arguments.QueryArguments, {"sort": {}}),
        (arguments.QueryArguments, {"collapseThreads": True}),
        (arguments.QueryChangesArguments, {"sinceQueryState": "1", "position": 1}),
        (mailbox.MailboxSetArguments, {"onDestroyRemoveEmails": None}),
        (search_snippet.SearchSnippetGetArguments, {}),
    ],
)
def test_what_is_refused(kind: type[Arguments], given: dict[str, Any]) -> None:
    assert refused(kind, given) == "invalidArguments"


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (email.EmailGetArguments, {"ids": [], "fetchHTMLBodyValues": True, "maxBodyValueBytes": 256}),
        (email.EmailQueryArguments, {"collapseThreads": True}),
        (email.EmailQueryChangesArguments, {"sinceQueryState": "1", "collapseThreads": True}),
        (email.EmailParseArguments, {"blobIds": ["B1"], "fetchHTMLBodyValues": True}),
        (email.EmailImportArguments, {"emails": {"k": {}}}),
        (mailbox.MailboxQueryArguments, {"sortAsTree": True, "filterAsTree": True}),
        (mailbox.MailboxSetArguments, {"onDestroyRemoveEmails": True}),
        (email_submission.EmailSubmissionSetArguments, {"onSuccessUpdateEmail": {"#k": {"a/b": None}}}),
        (email_submission.EmailSubmissionSetArguments, {"onSuccessDestroyEmail": ["#k"]}),
        (search_snippet.SearchSnippetGetArguments, {"filter": None, "emailIds": ["M1"]}),
    ],
)
def test_arguments_of_their_own(kind: type[Arguments], given: dict[str, Any]) -> None:
    assert arguments.read(kind, {"accountId": "A1", **given}).account_id == "A1"


def test_a_description_is_never_long() -> None:
    with pytest.raises(MethodError) as error:
        arguments.read(arguments.GetArguments, {"accountId": "A1", "x" * 10_000: 1})
    assert len(error.value.arguments()["description"]) < 400
