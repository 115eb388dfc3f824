"""Message-IDs as they are written."""

import pytest

from pillarbox.mail.message_id import message_ids


@pytest.mark.rfc("5322 §3.6.4", "MUST")
@pytest.mark.parametrize(
    ("value", "ids"),
    [
        pytest.param(b"<a@b>", ["a@b"], id="one"),
        pytest.param(b"<a@b> <c@d>", ["a@b", "c@d"], id="two"),
        pytest.param(b"<cCjl1y><a$@b>", ["cCjl1y", "a$@b"], id="without @, touching"),
        pytest.param(b"(see <x@y>) <a@b> (and (more))", ["a@b"], id="comments"),
        pytest.param(b"<a@b> <a@b>", ["a@b", "a@b"], id="twice"),
        pytest.param(b"Anna's message of <a@b>", ["a@b"], id="phrase (§4.5.4)"),
        pytest.param(b"< a\t@ b >", ["a@b"], id="white space inside (§4.5.4)"),
        pytest.param(b'<"a b"@c>', ['"ab"@c'], id="quoted"),
        pytest.param(b"<a(b)@c>", ["a(b)@c"], id="brackets are no comment inside"),
        pytest.param(b"a@b c@d", ["a@b", "c@d"], id="no brackets"),
        pytest.param(b"<\xc3\xa4@b> <\xff@b>", ["ä@b", "\ufffd@b"], id="8-bit"),
        pytest.param(b"<>", None, id="empty"),
        pytest.param(b"nothing", None, id="word"),
        pytest.param(b"", None, id="absent"),
    ],
)
def test_ids_are_opaque_between_their_brackets(value: bytes, ids: list[str] | None) -> None:
    assert message_ids(value) == ids
