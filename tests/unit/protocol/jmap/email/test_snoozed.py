"""The property `snoozed`: what it may hold, and what clients are shown."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple

from pillarbox.mail.flags import MAX_KEYWORDS
from pillarbox.mail.identifiers import MailboxId
from pillarbox.mail.snooze import Snooze
from pillarbox.protocol.jmap.email.snoozed import NotSnoozed, read, record

AT = "2026-12-24T07:00:00Z"
AT_MS = 1_798_095_600_000


def test_values_are_read_and_shown() -> None:
    full = {
        "until": AT,
        "moveToMailboxId": "F7",
        "setKeywords": {"$Seen": True, "Work": False, "$flagged": False},
    }
    found = read(full)
    assert astuple(found) == (AT_MS, 7, "\\Seen", "\\Flagged work")
    assert record(found) == {
        "until": AT,
        "moveToMailboxId": "F7",
        "setKeywords": {"$seen": True, "$flagged": False, "work": False},
    }
    others: list[dict[str, Any]] = [{}, {"moveToMailboxId": None}, {"setKeywords": None}, {"setKeywords": {}}]
    for short in others:
        least = read({"until": AT, **short})
        assert astuple(least) == (AT_MS, None, "", "")
        assert record(least) == {"until": AT, "moveToMailboxId": None, "setKeywords": None}
    assert read({"until": AT[:-1] + ".999Z"}).until_ms == AT_MS


def test_many_keywords_are_not_looked_at() -> None:
    class Unread(dict[str, Any]):
        def __iter__(self) -> Any:
            raise AssertionError

        items = keys = values = __iter__

    with pytest.raises(NotSnoozed, match="too many"):
        read({"until": AT, "setKeywords": Unread({f"k{number}": True for number in range(10_000)})})


@pytest.mark.parametrize(
    "value",
    [
        7,
        [],
        {},
        True,
        {"until": None},
        {"until": 7},
        {"until": "tomorrow"},
        {"until": "2026-12-24"},
        {"until": "2026-12-24T07:00:00+01:00"},
        {"until": "2026-02-30T07:00:00Z"},
        {"until": AT, "colour": "red"},
        {"until": AT, "moveToMailboxId": 7},
        {"until": AT, "moveToMailboxId": "M7"},
        {"until": AT, "moveToMailboxId": "#x"},
        {"until": AT, "setKeywords": []},
        {"until": AT, "setKeywords": {"$seen": "true"}},
        {"until": AT, "setKeywords": {"$seen": None}},
        {"until": AT, "setKeywords": {"a b": True}},
        {"until": AT, "setKeywords": {"\\Deleted": True}},
        {"until": AT, "setKeywords": {"\\Seen": False}},
        {"until": AT, "setKeywords": {"$seen": True, "$SEEN": False}},
        {"until": AT, "setKeywords": {"x" * 256: True}},
        {"until": AT, "setKeywords": {f"k{number}": True for number in range(MAX_KEYWORDS + 1)}},
        {
            "until": AT,
            "setKeywords": {f"k{number}": bool(number % 2) for number in range(2 * MAX_KEYWORDS + 1)},
        },
    ],
)
def test_other_values_are_none(value: Any) -> None:
    with pytest.raises(NotSnoozed):
        read(value)


_keywords = st.dictionaries(
    st.sampled_from(["$seen", "$flagged", "$answered", "work", "home", "2026"]), st.booleans()
)


@given(st.integers(0, 250_000_000_000), st.none() | st.integers(1, 2**40), _keywords)
def test_what_is_shown_may_be_sent_back(until_s: int, mailbox: int | None, keywords: dict[str, bool]) -> None:
    named = None if mailbox is None else f"F{mailbox}"
    shown = record(Snooze(until_s * 1000, None if mailbox is None else MailboxId(mailbox)))
    found = read({**shown, "setKeywords": keywords})
    after = record(found)
    assert (after["moveToMailboxId"], after["setKeywords"] or {}) == (named, keywords)
    assert astuple(read(after)) == astuple(found)


def test_it_comes_back_unread_unless_it_is_to_be_read() -> None:
    assert Snooze(0, None, "", "work").lost_flags == "\\Seen work"
    assert Snooze(0, None, "\\Flagged", "").lost_flags == "\\Seen"
    assert Snooze(0, None, "\\Seen", "work").lost_flags == "work"
