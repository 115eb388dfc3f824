"""Pages, filters and sort orders (RFC 8620 §5.5), where the transcripts do not reach."""

from typing import Any

import pytest

from pillarbox.protocol.jmap import filters
from pillarbox.protocol.jmap.arguments import QueryArguments, read
from pillarbox.protocol.jmap.errors import MethodError
from pillarbox.protocol.jmap.filters import Comparator, Condition, Operator
from pillarbox.protocol.jmap.limits import DEFAULT_LIMITS, Limits
from pillarbox.protocol.jmap.paging import Page, page
from pillarbox.protocol.jmap.types import email

SIX = ["M1", "M2", "M3", "M4", "M5", "M6"]


def paged(**given: Any) -> Page:
    call = read(QueryArguments, {"accountId": "A1", **given})
    return page(
        call,
        len(SIX),
        lambda anchor: SIX.index(anchor) if anchor in SIX else None,
        Limits(max_query_results=4),
    )


@pytest.mark.rfc("8620 §5.5", "MUST")
@pytest.mark.parametrize(
    ("given", "position", "ids", "limit"),
    [
        ({}, 0, SIX[:4], 4),
        ({"limit": 5}, 0, SIX[:4], 4),
        ({"limit": 4}, 0, SIX[:4], None),
        ({"limit": 0}, 0, [], None),
        ({"anchor": "M3", "anchorOffset": -9, "limit": 2}, 0, SIX[:2], None),
        ({"anchor": "M3", "anchorOffset": 9, "limit": 2}, 11, [], None),
        ({"anchor": "M3", "position": 1, "limit": 2}, 2, SIX[2:4], None),
        ({"anchor": None, "anchorOffset": 3, "position": -1, "limit": 2}, 5, SIX[5:], None),
    ],
)
def test_pages(given: dict[str, Any], position: int, ids: list[str], limit: int | None) -> None:
    found = paged(**given)
    assert (found.position, found.of(SIX), found.limit) == (position, ids, limit)


def test_an_anchor_that_is_not_there() -> None:
    with pytest.raises(MethodError) as error:
        paged(anchor="M9", anchorOffset=-5)
    assert error.value.type == "anchorNotFound"


def test_a_filter_is_a_tree() -> None:
    given = {"operator": "OR", "conditions": [{"hasKeyword": "$seen"}, {"operator": "NOT", "conditions": []}]}
    assert filters.read_filter(given, email.CONDITIONS, DEFAULT_LIMITS) == Operator(
        "OR", (Condition({"hasKeyword": "$seen"}), Operator("NOT", ()))
    )
    assert filters.read_filter(None, email.CONDITIONS, DEFAULT_LIMITS) is None
    assert filters.read_filter({}, email.CONDITIONS, DEFAULT_LIMITS) == Condition({})


@pytest.mark.parametrize(
    "condition",
    [
        {"inMailbox": "F1", "inMailboxOtherThan": ["F2"], "before": "2026-01-01T00:00:00Z", "minSize": 0},
        {"header": ["Subject"], "text": "x", "hasAttachment": False},
        {"header": ["Subject", "y"], "notKeyword": "$draft"},
    ],
)
def test_conditions_of_emails(condition: dict[str, Any]) -> None:
    assert filters.read_filter(condition, email.CONDITIONS, DEFAULT_LIMITS) == Condition(condition)


@pytest.mark.parametrize(
    "condition",
    [
        {"header": []},
        {"header": ["a", "b", "c"]},
        {"before": "2026-02-30T00:00:00Z"},
        {"before": "2026-01-01T00:00:00+01:00"},
        {"minSize": -1},
        {"hasKeyword": "a b"},
        {"text": None},
        {"text": "a\0"},
        {"inMailbox": ["F1"]},
    ],
)
def test_conditions_of_the_wrong_type(condition: dict[str, Any]) -> None:
    with pytest.raises(MethodError) as error:
        filters.read_filter(condition, email.CONDITIONS, DEFAULT_LIMITS)
    assert error.value.type == "invalidArguments"


def test_filters_have_limits() -> None:
    deep: dict[str, Any] = {}
    for _ in range(DEFAULT_LIMITS.max_filter_depth):
        deep = {"operator": "NOT", "conditions": [deep]}
    wide = {"operator": "OR", "conditions": [{}] * DEFAULT_LIMITS.max_filter_conditions}
    long = {"text": "x" * (DEFAULT_LIMITS.max_filter_text + 1)}
    many = {"inMailboxOtherThan": ["F1"] * (DEFAULT_LIMITS.max_filter_values + 1)}
    texts = {"operator": "OR", "conditions": [{"text": "x" * DEFAULT_LIMITS.max_filter_text}] * 5}
    lists = {"operator": "OR", "conditions": [{"inMailboxOtherThan": ["F1"] * 501}] * 2}
    for given in (deep, wide, long, many, texts, lists):
        with pytest.raises(MethodError) as error:
            filters.read_filter(given, email.CONDITIONS, DEFAULT_LIMITS)
        assert error.value.type == "unsupportedFilter"


def test_how_much_there_is_in_a_filter_is_seen_before_its_values() -> None:
    """What a value is is looked at by its type: for each item of a list."""
    odd = {"inMailboxOtherThan": [1] * (DEFAULT_LIMITS.max_filter_values + 1)}
    with pytest.raises(MethodError) as error:
        filters.read_filter(odd, email.CONDITIONS, DEFAULT_LIMITS)
    assert error.value.type == "unsupportedFilter"


def test_sort_orders() -> None:
    given: list[dict[str, Any]] = [
        {"property": "hasKeyword", "keyword": "$seen", "isAscending": False},
        {"property": "size"},
    ]
    assert filters.read_sort(given, email.SORTS, DEFAULT_LIMITS) == (
        Comparator("hasKeyword", False, None, {"keyword": "$seen"}),
        Comparator("size"),
    )
    assert filters.read_sort(None, email.SORTS, DEFAULT_LIMITS) == ()
    assert filters.read_sort([{"property": "size", "position": 0}], email.SORTS, DEFAULT_LIMITS) == (
        Comparator("size"),
    ), "clients write what belongs to the call into comparators"
    refused: tuple[tuple[list[dict[str, Any]], str], ...] = (
        ([{"property": "hasKeyword"}], "invalidArguments"),
        ([{"property": "hasKeyword", "keyword": "a b"}], "invalidArguments"),
        ([{"property": "size"}] * 17, "unsupportedSort"),
    )
    for wrong, kind in refused:
        with pytest.raises(MethodError) as error:
            filters.read_sort(wrong, email.SORTS, DEFAULT_LIMITS)
        assert error.value.type == kind
