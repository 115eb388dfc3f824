"""Which names LIST and LSUB show: the examples of RFC 9051 §6.3.9.8 and RFC 5258, and where they end."""

import pytest

from pillarbox.protocol.imap.commands import List, ListReturn, ListSelect, Lsub
from pillarbox.server.imap.hierarchy import Names, list_lines, lsub_lines

SUBSCRIBED = frozenset({ListSelect.SUBSCRIBED})
RECURSIVE = frozenset({ListSelect.SUBSCRIBED, ListSelect.RECURSIVEMATCH})


def names(*existing: str, subscribed: tuple[str, ...] = (), uses: dict[str, str] | None = None) -> Names:
    return Names({name: (uses or {}).get(name) for name in existing}, frozenset(subscribed))


def shown(command: List, there: Names, *, rev2: bool = False) -> list[tuple[str, str]]:
    return [(line.name, " ".join(line.attributes)) for line in list_lines(command, there, rev2=rev2)]


def plain(pattern: str, reference: str = "") -> List:
    return List(reference, (pattern,))


def extended(
    *patterns: str, select: frozenset[ListSelect] = frozenset(), returns: frozenset[ListReturn] = frozenset()
) -> List:
    return List("", patterns, select=select, returns=returns, extended=True)


FRUIT = names(
    "INBOX",
    "Fruit",
    "Fruit/Apple",
    "Fruit/Banana",
    "Tofu",
    "Vegetable",
    "Vegetable/Broccoli",
    "Vegetable/Corn",
    subscribed=("INBOX", "Fruit/Banana", "Fruit/Peach", "Vegetable", "Vegetable/Broccoli"),
)


@pytest.mark.rfc("9051 §6.3.9", "MUST")
def test_star_crosses_levels_and_percent_does_not() -> None:
    assert [name for name, _ in shown(plain("*"), FRUIT)][:3] == ["INBOX", "Fruit", "Fruit/Apple"]
    assert [name for name, _ in shown(plain("%"), FRUIT)] == ["INBOX", "Fruit", "Tofu", "Vegetable"]
    assert shown(plain("%", "Fruit/"), FRUIT) == [
        ("Fruit/Apple", "\\HasNoChildren"),
        ("Fruit/Banana", "\\HasNoChildren"),
    ]


@pytest.mark.rfc("3348 §3", "MUST")
def test_plain_list_returns_children_and_special_use() -> None:
    there = names("INBOX", "Sent", "Sent/2026", uses={"Sent": "\\Sent"})
    assert shown(plain("S%"), there) == [("Sent", "\\HasChildren \\Sent")]


@pytest.mark.rfc("9051 §6.3.9", "MUST")
def test_levels_without_a_mailbox_are_shown_only_by_a_last_percent() -> None:
    there = names("INBOX", "blurdybloop", "foo/bar")
    assert "foo" not in [name for name, _ in shown(plain("*"), there)]
    assert ("foo", "\\Noselect \\HasChildren") in shown(plain("%"), there)
    assert ("foo", "\\NonExistent \\HasChildren") in shown(plain("%"), there, rev2=True)
    assert ("foo", "\\NonExistent") in shown(extended("%"), there)


@pytest.mark.rfc("5258 §3.1", "MUST")
@pytest.mark.rfc("9051 §6.3.9.1", "MUST")
def test_selecting_subscribed_names_shows_those_without_a_mailbox() -> None:
    assert shown(extended("*", select=SUBSCRIBED), FRUIT) == [
        ("INBOX", "\\Subscribed"),
        ("Fruit/Banana", "\\Subscribed"),
        ("Fruit/Peach", "\\Subscribed \\NonExistent"),
        ("Vegetable", "\\Subscribed"),
        ("Vegetable/Broccoli", "\\Subscribed"),
    ]


@pytest.mark.rfc("9051 §6.3.9.2", "MUST")
def test_returning_subscribed_marks_what_is_subscribed() -> None:
    returns = frozenset({ListReturn.SUBSCRIBED})
    assert shown(extended("%", returns=returns), FRUIT) == [
        ("INBOX", "\\Subscribed"),
        ("Fruit", ""),
        ("Tofu", ""),
        ("Vegetable", "\\Subscribed"),
    ]


@pytest.mark.rfc("5258 §3.5", "MUST")
@pytest.mark.rfc("9051 §6.3.9.6", "MUST")
def test_recursive_match_points_at_what_lies_below() -> None:
    lines = list_lines(extended("%", select=RECURSIVE), FRUIT, rev2=False)
    assert [(line.name, line.child_info) for line in lines] == [
        ("INBOX", False),
        ("Fruit", True),
        ("Vegetable", True),
    ]
    assert "\\Subscribed" not in lines[1].attributes


def test_recursive_match_is_silent_where_the_pattern_reaches_all_children() -> None:
    there = names("INBOX", "t7", "t7/t7", "t8", "t8/t8", "t8/t9", subscribed=("t7/t7", "t8/t8", "t8/t9"))
    assert [line.name for line in list_lines(extended("*t7", select=RECURSIVE), there, rev2=False)] == [
        "t7/t7"
    ]
    assert [line.name for line in list_lines(extended("*t8", select=RECURSIVE), there, rev2=False)] == [
        "t8",
        "t8/t8",
    ]


def test_several_patterns_show_each_name_once() -> None:
    assert [name for name, _ in shown(extended("Fruit", "F%", "Tofu"), FRUIT)] == ["Fruit", "Tofu"]


@pytest.mark.rfc("6154 §2", "MUST")
def test_selecting_by_special_use() -> None:
    there = names("INBOX", "Sent", "Trash", "Work", uses={"Sent": "\\Sent", "Trash": "\\Trash"})
    command = extended("*", select=frozenset({ListSelect.SPECIAL_USE}))
    assert shown(command, there) == [("Sent", "\\Sent"), ("Trash", "\\Trash")]


@pytest.mark.rfc("3501 §6.3.9", "MUST")
def test_lsub_shows_levels_above_subscribed_names() -> None:
    lines = lsub_lines(Lsub("", ("%",)), FRUIT)
    assert [(line.name, line.attributes) for line in lines] == [
        ("INBOX", ()),
        ("Fruit", ("\\Noselect",)),
        ("Vegetable", ()),
    ]
    assert [line.name for line in lsub_lines(Lsub("", ("*",)), FRUIT)] == [
        "INBOX",
        "Fruit/Banana",
        "Fruit/Peach",
        "Vegetable",
        "Vegetable/Broccoli",
    ]


def test_names_among_the_patterns_are_looked_up() -> None:
    there = names("INBOX", "INBOX/a", "Inbox2", "b", "b%", "*", "c/d")
    command = extended("inbox", "iNBOX/a", "b", "inbox2", "c/%", "B")
    assert [name for name, _ in shown(command, there)] == ["INBOX", "INBOX/a", "b", "c/d"]
