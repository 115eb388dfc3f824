import pytest

from pillarbox.mail.collation import collate


@pytest.mark.rfc("5051 §2", "MUST")
@pytest.mark.parametrize(
    ("collated", "text"),
    [
        ("ABC_[", "abC_["),
        ("U\u0308", "ü"),
        ("U\u0308", "Ü"),
        ("Dz\u030c", "\u01c4"),  # the RFC's own example
        ("ß", "ß"),
        ("fi", "\ufb01"),
        ("Σ", "ς"),
    ],
)
def test_collation(collated: str, text: str) -> None:
    assert collated == collate(text)


def test_order_of_letters_and_punctuation() -> None:
    assert sorted(["a", "C", "b", "_", "[xyz]", ""], key=collate) == ["", "a", "b", "C", "[xyz]", "_"]
