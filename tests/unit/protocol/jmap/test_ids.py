"""Creation ids: one map, in any order, and circles that end."""

from hypothesis import given
from hypothesis import strategies as st

from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId, EmailId, MailboxId, ThreadId
from pillarbox.protocol.jmap.errors import SetError
from pillarbox.protocol.jmap.ids import CreatedIds, in_order
from pillarbox.protocol.jmap.scalars import Id, fits


def test_references_in_properties() -> None:
    created = CreatedIds({"box": "F1", "mail": "M1"})
    given_properties = {
        "parentId": "#box",
        "mailboxIds": {"#box": True, "F2": True},
        "mailboxIds/#box": None,
        "emailIds": ["#mail", "M2"],
        "name": "#box",
        "nothing": None,
    }
    named = ("parentId", "mailboxIds", "emailIds", "nothing")
    assert created.resolve(given_properties, named) == {
        "parentId": "F1",
        "mailboxIds": {"F1": True, "F2": True},
        "mailboxIds/F1": None,
        "emailIds": ["M1", "M2"],
        "name": "#box",
        "nothing": None,
    }


def test_all_that_is_unknown_is_named() -> None:
    refused = CreatedIds().resolve({"a": "#x", "b": {"#y": True}, "c/#z": True, "d": "#w"}, ("a", "b", "c"))
    assert isinstance(refused, SetError)
    assert refused.extra["properties"] == ["a", "b", "c/#z"]


def test_an_id_that_is_used_again_means_the_newest() -> None:
    created = CreatedIds()
    created.add("k", "M1")
    created.add("k", "M2")
    assert (created.get("#k"), created.get("M9"), created.get("#none")) == ("M2", "M9", None)
    assert created.known("#none") == "#none"
    assert created.for_response() is None
    assert CreatedIds({}).for_response() == {}


KEYS = st.sampled_from("abcdefgh")


@given(st.dictionaries(KEYS, st.lists(KEYS, max_size=3), max_size=8))
def test_any_order_ends(graph: dict[str, list[str]]) -> None:
    creates = {key: {"p": [f"#{other}" for other in others]} for key, others in graph.items()}
    order = in_order(creates, ("p",))
    assert sorted(order) == sorted(graph)
    made: set[str] = set()
    refused: set[str] = set()
    for key in order:
        missing = [other for other in graph[key] if other not in made]
        (refused if missing else made).add(key)
    # what was refused names what is nowhere, itself, or what was refused as well
    for key in refused:
        assert any(other not in graph or other in refused for other in graph[key])


@given(st.integers(1, 10**18 - 1))
def test_our_ids_are_safe_anywhere(number: int) -> None:
    made = [
        object_id.of_account(AccountId(number)),
        object_id.of_mailbox(MailboxId(number)),
        object_id.of_email(EmailId(number)),
        object_id.of_thread(ThreadId(number)),
    ]
    for text in made:
        assert fits(text, Id)
        assert text[0].isalpha()  # no digits only, none first, no dash, never NIL
        assert text.upper() == text  # none differ by case only
    assert len(set(made)) == len(made)
