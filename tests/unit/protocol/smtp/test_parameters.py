import pytest

from pillarbox.mail import xtext
from pillarbox.protocol.smtp import replies
from pillarbox.protocol.smtp.commands import Body, Notify, Return
from pillarbox.protocol.smtp.parameters import BadParameter, read_mail, read_rcpt

MAIL = frozenset({"SIZE", "BODY", "SMTPUTF8", "REQUIRETLS", "RET", "ENVID", "AUTH"})
RCPT = frozenset({"NOTIFY", "ORCPT"})


def test_all_of_mail() -> None:
    text = " SIZE=1000 body=8bitmime SMTPUTF8 REQUIRETLS RET=hdrs ENVID=QQ+2B1 AUTH=<>"
    assert read_mail(text, MAIL) == {
        "size": 1000,
        "body": Body.EIGHT_BIT,
        "smtputf8": True,
        "require_tls": True,
        "returns": Return.HEADERS,
        "envelope_id": "QQ+2B1",
    }


def test_all_of_rcpt() -> None:
    text = " NOTIFY=success,Failure ORCPT=rfc822;a+2Bb@example.org"
    assert read_rcpt(text, RCPT) == {
        "notify": frozenset({Notify.SUCCESS, Notify.FAILURE}),
        "original": "rfc822;a+2Bb@example.org",
    }
    assert read_rcpt(" ORCPT=utf-8;jörg@example.org", RCPT) == {"original": "utf-8;jörg@example.org"}


@pytest.mark.rfc("3461 §5.1", "SHOULD")
@pytest.mark.parametrize(
    "text",
    [
        " SIZE=", " SIZE=-1", " SIZE=1x", " SIZE=999999999999999999999", " BODY", " BODY=16BIT",
        " SMTPUTF8=1",
        " REQUIRETLS=no", " RET=ALL", " ENVID", " ENVID=a+zz", " ENVID=a+0D+0ABcc:+20x",
        f" ENVID={'x' * 101}",
        " AUTH", " SIZE=1=2", " =1", "SIZE=1", " AUTH=a+b",
    ],
)  # fmt: skip
def test_bad_values_of_mail(text: str) -> None:
    with pytest.raises(BadParameter) as caught:
        read_mail(text, MAIL)
    assert caught.value.reply is replies.PARAMETER_SYNTAX


@pytest.mark.parametrize(
    "text",
    [
        " NOTIFY=", " NOTIFY=NEVER,DELAY", " NOTIFY=SOMETIMES", " ORCPT=a@example.org", " ORCPT=rfc822;",
        " ORCPT=rfc822;a+0D+0Ab", f" ORCPT=rfc822;{'x' * 500}", " ORCPT=rfc822;jörg@example.org", " ORCPT",
    ],
)  # fmt: skip
def test_bad_values_of_rcpt(text: str) -> None:
    with pytest.raises(BadParameter) as caught:
        read_rcpt(text, RCPT)
    assert caught.value.reply is replies.PARAMETER_SYNTAX


@pytest.mark.rfc("3461 §4.5", "MUST NOT")
@pytest.mark.parametrize(
    "text", [" RET=FULL RET=FULL", " ENVID=a ENVID=b", " SIZE=1 SIZE=1", " AUTH=<> AUTH=<>"]
)
def test_a_parameter_comes_once(text: str) -> None:
    with pytest.raises(BadParameter) as caught:
        read_mail(text, MAIL)
    assert caught.value.reply is replies.PARAMETER_TWICE


@pytest.mark.rfc("5321 §4.1.1.11", "MUST")
def test_what_was_not_announced_is_not_taken() -> None:
    for text, offered in [(" FOO=1", MAIL), (" REQUIRETLS", MAIL - {"REQUIRETLS"}), (" NOTIFY=NEVER", MAIL)]:
        with pytest.raises(BadParameter) as caught:
            read_mail(text, offered)
        assert caught.value.reply.code == 555


def test_xtext_both_ways() -> None:
    assert xtext.encode("a+b=c d") == "a+2Bb+3Dc+20d"
    assert xtext.decode("a+2Bb+3Dc+20d") == "a+b=c d"
    assert xtext.is_xtext("a+2B")
    assert not xtext.is_xtext("a+2b")
    assert not xtext.is_xtext("a=b")
