"""Names of mailboxes from names of files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.admin.importing.names import UNNAMED, mailbox_of
from pillarbox.mail import mailbox_name
from pillarbox.mail.mailbox_name import MAX_LEVELS, check_new_level


@pytest.mark.parametrize(
    ("levels", "below", "name"),
    [
        (("Work", "2026"), None, "Work/2026"),
        (("Work",), "Archive", "Archive/Work"),
        (("", "a"), None, "a"),
        (("a/b",), None, "a_b"),
        (("a\nb", "\x1bc"), None, "a\\x0ab/\\x1bc"),
        (("\u202eevil",), None, "\\u202eevil"),
        (("Gr\udcfc\udcdfe",), None, "Grüße"),
        (("inbox", "a"), None, "INBOX/a"),
        ((" ", ""), None, UNNAMED),
        ((" ", ""), "Old", "Old"),
        (
            tuple("abcdefgh" * 5),
            None,
            "/".join("abcdefgh" * 3 + "abcdefg") + "/" + "_".join("h" + "abcdefgh"),
        ),
        (("ü" * 300,), None, "ü" * 127),
    ],
)
def test_names(levels: tuple[str, ...], below: str | None, name: str) -> None:
    assert mailbox_of(levels, below) == name


_TEXT = st.text(st.characters(exclude_categories=()), max_size=4)
_LEVEL = _TEXT | st.builds(str.__mul__, _TEXT, st.sampled_from([30, 100, 300]))


@given(
    st.lists(_LEVEL, max_size=MAX_LEVELS + 10), st.sampled_from([None, "Old", "/".join("x" * 31), "y" * 255])
)
def test_every_name_is_one_that_a_mailbox_can_have(levels: list[str], below: str | None) -> None:
    name = mailbox_of(levels, below)
    assert mailbox_name.canonical(name) == name
    check_new_level(name)
    assert below is None or name == below or name.startswith(below + "/")
