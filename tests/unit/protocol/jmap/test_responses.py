"""The responses of the standard methods, where the transcripts do not reach."""

from typing import Any

import pytest

from pillarbox.protocol.jmap import responses
from pillarbox.protocol.jmap.arguments import QueryChangesArguments, read
from pillarbox.protocol.jmap.errors import NOT_FOUND, MethodError, over_quota, too_large
from pillarbox.protocol.jmap.responses import SetOutcome


def asked(**given: Any) -> QueryChangesArguments:
    return read(QueryChangesArguments, {"accountId": "A1", "sinceQueryState": "5", **given})


@pytest.mark.rfc("8620 §5.6", "MUST")
def test_changes_of_a_query() -> None:
    added = {"M9": 7, "M2": 0, "M3": 4}
    assert responses.query_changes(asked(), "6", ["M1"], added) == {
        "accountId": "A1",
        "oldQueryState": "5",
        "newQueryState": "6",
        "removed": ["M1"],
        "added": [{"id": "M2", "index": 0}, {"id": "M3", "index": 4}, {"id": "M9", "index": 7}],
    }
    assert responses.query_changes(asked(maxChanges=4), "6", ["M1"], added, total=9)["total"] == 9
    for most in (0, 3):
        with pytest.raises(MethodError) as error:
            responses.query_changes(asked(maxChanges=most), "6", ["M1"], added)
        assert error.value.type == "tooManyChanges"


@pytest.mark.rfc("8620 §5.3", "MUST")
def test_what_became_of_a_set() -> None:
    outcome = SetOutcome()
    empty = outcome.set_response("A1", None, "1")
    assert {name for name, value in empty.items() if value is None} == {
        "oldState", "created", "updated", "destroyed", "notCreated", "notUpdated", "notDestroyed",
    }  # fmt: skip
    outcome.not_created["k"] = too_large("more than there may be", max_size=5)
    outcome.not_updated["M1"] = over_quota()
    outcome.not_destroyed["M2"] = NOT_FOUND
    outcome.updated["M3"] = None
    said = outcome.set_response("A1", "1", "2")
    assert said["notCreated"] == {
        "k": {"type": "tooLarge", "description": "more than there may be", "maxSize": 5}
    }
    assert said["notUpdated"] == {"M1": {"type": "overQuota"}}
    assert said["notDestroyed"] == {"M2": {"type": "notFound"}}
    assert said["updated"] == {"M3": None}
    assert outcome.copy_response("A2", "A1", None, "2").keys() == {
        "fromAccountId", "accountId", "oldState", "newState", "created", "notCreated",
    }  # fmt: skip
