"""Search queries as values."""

from pillarbox.mail.identifiers import ModSeq
from pillarbox.mail.number_set import NumberSet
from pillarbox.mail.query import (
    All,
    And,
    Flag,
    Leaf,
    ModSeqAtLeast,
    Not,
    Or,
    Query,
    Recent,
    Uids,
    mentions_modseq,
    substitute,
)


def test_substitute_reaches_every_leaf() -> None:
    recent = Uids(NumberSet.of([5]))

    def known(leaf: Leaf) -> Query:
        return recent if leaf == Recent() else leaf

    asked = And((Or((Recent(), All())), Not(Recent()), Flag("\\Seen")))
    assert substitute(asked, known) == And((Or((recent, All())), Not(recent), Flag("\\Seen")))


def test_modseq_is_found_at_any_depth() -> None:
    assert mentions_modseq(And((All(), Not(Or((ModSeqAtLeast(ModSeq(5)),))))))
    assert not mentions_modseq(And((All(), Not(Flag("x")))))
