import pytest

from pillarbox.mail import subject
from pillarbox.mail.subject import base_subject


@pytest.mark.rfc("5256 §2.1", "MUST")
@pytest.mark.parametrize(
    ("base", "is_reply", "written"),
    [
        ("", False, ""),
        ("a", False, "a"),
        ("a b", False, " \t a \r\n\tb  "),
        ("a", True, "Re: a"),
        ("a", True, "RE:a"),
        ("a", True, "re : a"),
        ("a", True, "Fw: a"),
        ("a", True, "fWd : a"),
        ("a", True, "Re[2]: a"),
        ("a", True, "Re [2] : a"),
        ("a", True, "Re: Fwd: re: a"),
        ("Reply: a", False, "Reply: a"),
        ("re a", False, "re a"),
        ("Aw: a", False, "Aw: a"),
        ("a", True, "a (fwd)"),
        ("a", True, "a (FWD) (fwd)(fwd) "),
        ("(fwd) a", False, "(fwd) a"),
        ("a", False, "[list] a"),
        ("a", False, "[list][other]  a"),
        ("[list]", False, "[list]"),
        ("[b]", False, "[a] [b]"),
        ("[b]", True, "Re: [b]"),
        ("b", True, "[foo] Fwd: [bar] Re: fw: b (fWd)  (fwd)"),
        ("c", True, "Re: [FWD: c]"),
        ("c", True, "[fwd: [fwd: re: c (fwd)]] (fwd)"),
        ("c", True, "[fwd: [list] c]"),
        ("b", False, "[fwd: a] b"),
        ("[[a] b", False, "[[a] b"),
        ("a]", True, "Re: a]"),
        ("", True, "Re:"),
        ("", True, "(fwd)"),
        ("[Fwd:", False, "[Fwd:"),
        ("", True, "[fwd:]"),
        ("Ré: a", False, "Ré: a"),
        ("ſre: a", False, "ſre: a"),
    ],
)
def test_base(base: str, is_reply: bool, written: str) -> None:
    assert (base, is_reply) == subject.reduce(written)
    assert base == base_subject(base_subject(written))


def test_time_is_linear() -> None:
    for piece in ("re:", "[a]", "[fwd:", "(fwd)", "[", "re[", " "):
        base_subject(piece * 100_000)
