"""Every JMAP method has transcripts that show it, and each error that its RFC, or docs/jmap.md, names for it.

A new method is in the table of capabilities; it fails here until it has transcripts.
"""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pillarbox.protocol.jmap.capabilities import CAPABILITY_OF
from tests.transcripts import json_dialogue

HERE = Path(__file__).parent
Pair = tuple[str, str]
"""A method, and the type of an error: of the call, or of one record (`/` in front)."""

STANDARD = {
    "get": "invalidArguments requestTooLarge",
    "changes": "invalidArguments cannotCalculateChanges",
    "query": "invalidArguments anchorNotFound unsupportedSort unsupportedFilter",
    "queryChanges": "invalidArguments cannotCalculateChanges tooManyChanges",
    "set": "invalidArguments requestTooLarge stateMismatch"
    " /notFound /invalidPatch /willDestroy /invalidProperties",
    "copy": "invalidArguments requestTooLarge stateMismatch fromAccountNotFound fromAccountNotSupportedByMethod"
    " /notFound /invalidProperties /alreadyExists",
}
"""RFC 8620 §5.1 to §5.6: what every type may answer. Other SetErrors are below, where a type has them."""

EVERYWHERE = (
    "unknownMethod invalidArguments invalidResultReference accountNotFound accountNotSupportedByMethod"
    " accountReadOnly forbidden"
)
"""RFC 8620 §3.6.2: shown by any method, since one place does it for all."""

MORE = {
    "Core/echo": "",
    "Blob/copy": "invalidArguments requestTooLarge fromAccountNotFound /notFound",
    "PushSubscription/get": "forbidden",
    "PushSubscription/set": "/overQuota /rateLimit /forbidden",
    "Mailbox/set": "/forbidden /mailboxHasChild /mailboxHasEmail",
    "Email/set": "/blobNotFound /tooManyKeywords /tooManyMailboxes /overQuota /tooLarge",
    "Email/copy": "/overQuota",
    "Email/import": "invalidArguments requestTooLarge stateMismatch"
    " /alreadyExists /invalidProperties /overQuota /tooLarge /invalidEmail",
    "Email/parse": "invalidArguments requestTooLarge",
    "Email/undo": "invalidArguments stateMismatch undoTokenNotFound"
    " /undoConflict /notFound /overQuota /tooManyKeywords /invalidProperties",
    "SearchSnippet/get": "unsupportedFilter",
    "Identity/set": "/forbidden /forbiddenFrom /overQuota",
    "EmailSubmission/set": "/tooLarge /invalidEmail /tooManyRecipients /noRecipients /invalidRecipients"
    " /forbiddenMailFrom /forbiddenFrom /forbiddenToSend /cannotUnsend /cannotReschedule",
    "VacationResponse/set": "/singleton",
    "Blob/upload": "invalidArguments requestTooLarge /tooLarge /rateLimit /blobNotFound /invalidProperties",
    "Blob/lookup": "invalidArguments requestTooLarge unknownDataType",
    "MDN/send": "invalidArguments unknownMethod requestTooLarge"
    " /notFound /forbidden /forbiddenFrom /overQuota /tooLarge /rateLimit /invalidProperties /mdnAlreadySent",
    "MDN/parse": "invalidArguments requestTooLarge",
    "SavedSearch/set": "/overQuota",
    "AddressBook/set": "/forbidden /addressBookHasContents /overQuota",
    "ContactCard/set": "/tooLarge /overQuota",
    "ContactCard/parse": "invalidArguments requestTooLarge",
    "ContactCard/export": "invalidArguments requestTooLarge accountReadOnly",
}
"""Beside the standard ones, or instead of them where the verb is no standard one."""

_BOTH = "it is updated, and then destroyed; RFC 8620 §5.3 leaves that to the server"
_TWICE = (
    "an account may have two emails with the same octets; RFC 8621 §4.7 and §4.8 leave that to the server"
)
_NO_LIMIT = "nothing limits that"
_TESTED = "needs more than a transcript can arrange; see "
NOT_SHOWN = {
    ("PushSubscription/set", "stateMismatch"): "there are no states (RFC 8620 §7.2.2)",
    ("PushSubscription/set", "/willDestroy"): _BOTH,
    ("PushSubscription/set", "/forbidden"): "the password has to be changed while the call is on its way",
    ("Identity/set", "/willDestroy"): _BOTH,
    ("EmailSubmission/set", "/willDestroy"): _BOTH,
    ("VacationResponse/set", "/willDestroy"): "it can't be destroyed",
    ("Email/set", "/tooManyMailboxes"): _NO_LIMIT,
    ("Email/copy", "/alreadyExists"): _TWICE,
    ("Email/import", "/alreadyExists"): _TWICE,
    ("Email/undo", "/tooManyKeywords"): _TESTED + "test_undo.py",
    ("Email/undo", "/invalidProperties"): "the Inbox is there, always",
    ("EmailSubmission/set", "/forbiddenToSend"): "a check of the message has to refuse it",
    ("Quota/queryChanges", "tooManyChanges"): "an operator has to set a limit in between",
    ("MDN/send", "/overQuota"): _NO_LIMIT,
    ("MDN/send", "/rateLimit"): _NO_LIMIT,
    ("ContactCard/set", "/overQuota"): _TESTED + "test_cards.py",
}
"""And why."""


def expected() -> set[Pair]:
    """All pairs."""
    pairs = set()
    for method in CAPABILITY_OF:
        verb = method.partition("/")[2]
        standard = "" if method.startswith("Blob/copy") else STANDARD.get(verb, "")
        pairs |= {(method, kind) for kind in f"{standard} {MORE.get(method, '')}".split()}
    return pairs


def shown() -> tuple[set[str], set[Pair]]:
    """Methods that were answered, and what went wrong."""
    methods, pairs = set(), set[Pair]()
    for path in HERE.glob("jmap/**/*.json"):
        for asked, name, said in _responses(json_dialogue.read(path)):
            if name == "error":
                pairs.add((asked, said["type"]))
                continue
            methods.add(name)
            refusals = [value for key, value in said.items() if key.startswith("not")]
            for refused in refusals:
                if isinstance(refused, dict):
                    pairs |= {(name, f"/{error['type']}") for error in refused.values()}
    return methods, pairs


def _responses(dialogue: json_dialogue.Dialogue) -> Iterator[tuple[str, str, Any]]:
    """The method that was called, and the response."""
    for turn in dialogue.turns:
        sent, received = turn.get("C"), turn.get("S")
        calls = sent.get("methodCalls") if isinstance(sent, dict) else sent
        answers = received.get("methodResponses") if isinstance(received, dict) else received
        if isinstance(calls, list) and isinstance(answers, list):
            names = defaultdict(str, {call[2]: call[0] for call in calls if len(call) == 3})
            for name, said, key in answers:
                if isinstance(said, dict):
                    yield names[key], name, said


METHODS, PAIRS = shown()


@pytest.mark.parametrize("method", CAPABILITY_OF)
def test_method_is_shown_with_its_errors(method: str) -> None:
    assert method in METHODS, "no transcript has a response to it"
    missing = {kind for name, kind in expected() - PAIRS - NOT_SHOWN.keys() if name == method}
    assert not missing, "no transcript has these errors of it"


def test_errors_of_any_method_are_shown() -> None:
    assert {*EVERYWHERE.split()} <= {kind for _, kind in PAIRS}


def test_tables_are_of_methods_and_errors_that_are() -> None:
    assert MORE.keys() <= CAPABILITY_OF.keys()
    assert NOT_SHOWN.keys() <= expected()
    assert not NOT_SHOWN.keys() & PAIRS, "these are shown after all"
