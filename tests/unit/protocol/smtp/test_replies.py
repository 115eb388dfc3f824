import pytest

from pillarbox.protocol.smtp import replies
from pillarbox.protocol.smtp.replies import MAX_LINE_OCTETS, Reply


@pytest.mark.rfc("3463 §2", "MUST")
@pytest.mark.rfc("2034 §4", "MUST")
def test_the_class_of_the_enhanced_code_is_the_first_digit_of_the_code() -> None:
    assert Reply(550, "1.1", "No").octets == b"550 5.1.1 No\r\n"
    assert Reply(452, "2.2", "Full").octets == b"452 4.2.2 Full\r\n"


@pytest.mark.rfc("2034 §4", "MUST")
def test_every_line_of_a_reply_bears_the_enhanced_code() -> None:
    assert Reply(214, "0.0", "one", ("two", "three")).octets == (
        b"214-2.0.0 one\r\n214-2.0.0 two\r\n214 2.0.0 three\r\n"
    )


def test_greetings_and_intermediate_replies_bear_no_enhanced_code() -> None:
    assert replies.greeting("mx.example", "ESMTP").octets == b"220 mx.example ESMTP Pillarbox\r\n"
    assert replies.START_DATA.octets.startswith(b"354 End")
    # RFC 4954 §4: the space stays where the challenge is empty
    assert replies.challenge("").octets == b"334 \r\n"


@pytest.mark.rfc("6531 §3.7.4.2", "MUST NOT")
def test_a_reply_is_ascii_and_one_line_whatever_a_peer_sent() -> None:
    assert Reply(550, "1.1", "No ü\r\n250 yes").octets == b"550 5.1.1 No ???250 yes\r\n"


@pytest.mark.rfc("5321 §4.5.3.1.5", "MUST")
def test_a_line_is_cut_at_its_limit() -> None:
    assert len(Reply(550, "1.1", "x" * 2000).octets) == MAX_LINE_OCTETS


def test_kinds() -> None:
    assert replies.OK.positive
    assert not replies.USER_UNKNOWN.positive
    assert replies.MAILBOX_FULL.transient
    assert not replies.USER_UNKNOWN.transient
