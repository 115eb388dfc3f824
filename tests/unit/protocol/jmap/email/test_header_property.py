"""Names of properties that are header fields."""

import pytest

from pillarbox.protocol.jmap.email.header_forms import Form
from pillarbox.protocol.jmap.email.header_property import CONVENIENCE, HeaderProperty
from pillarbox.protocol.jmap.errors import MethodError


@pytest.mark.rfc("8621 §4.1.3", "MUST")
@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("header:Subject", HeaderProperty(b"subject", Form.RAW, False)),
        ("header:subject:asText", HeaderProperty(b"subject", Form.TEXT, False)),
        ("header:X:all", HeaderProperty(b"x", Form.RAW, True)),
        ("header:Resent-To:asAddresses:all", HeaderProperty(b"resent-to", Form.ADDRESSES, True)),
        ("header:all", HeaderProperty(b"all", Form.RAW, False)),
        ("header:asText:asText", HeaderProperty(b"astext", Form.TEXT, False)),
        ("header:x!~", HeaderProperty(b"x!~", Form.RAW, False)),
        ("header:To:asRaw", HeaderProperty(b"to", Form.RAW, False)),
    ],
)
def test_a_name_a_form_and_all(written: str, expected: HeaderProperty) -> None:
    assert HeaderProperty.parse(written) == expected


@pytest.mark.rfc("8621 §4.1.3", "MUST")
@pytest.mark.parametrize(
    "written",
    [
        "header:", "header::asText", "header", "subject", "Header:x", "header:x y", "header:ä", "header:x\0",
        "header:x:", "header:x:all:asText", "header:x:all:all", "header:x:asText:asText", "header:x:asText:all:all",
        "header:x:astext", "header:x:asFoo", "header:x:asText:", "header:" + "x" * 999,
    ],
)  # fmt: skip
def test_anything_else_is_refused(written: str) -> None:
    with pytest.raises(MethodError):
        HeaderProperty.parse(written)


FIELDS = {
    Form.TEXT: "Subject Comments Keywords List-Id X-Other",
    Form.ADDRESSES: "From Sender Reply-To To Cc Bcc Resent-From Resent-Sender Resent-Reply-To Resent-To Resent-Cc"
    " Resent-Bcc X-Other",
    Form.MESSAGE_IDS: "Message-ID In-Reply-To References Resent-Message-ID X-Other",
    Form.DATE: "Date Resent-Date X-Other",
    Form.URLS: "List-Help List-Unsubscribe List-Subscribe List-Post List-Owner List-Archive List-Id X-Other",
}
ALL_FIELDS = {name for names in FIELDS.values() for name in names.split()} | {"Received", "Return-Path"}


@pytest.mark.rfc("8621 §4.2", "MUST")
@pytest.mark.parametrize("form", FIELDS)
def test_a_form_is_for_its_fields_only(form: Form) -> None:
    allowed = {*FIELDS[form].split(), "List-Id", "X-Other"}
    for name in ALL_FIELDS:
        written = f"header:{name}:{form.value}"
        if name in allowed:
            assert HeaderProperty.parse(written).form is form
            assert HeaderProperty.parse(written.lower().replace(form.value.lower(), form.value)).form is form
        else:
            with pytest.raises(MethodError, match=name):
                HeaderProperty.parse(written)


def test_grouped_addresses_are_for_the_same_fields_as_addresses() -> None:
    for name in ALL_FIELDS:
        for form in (Form.ADDRESSES, Form.GROUPED_ADDRESSES):
            try:
                HeaderProperty.parse(f"header:{name}:{form.value}")
            except MethodError:
                assert name not in [*FIELDS[Form.ADDRESSES].split(), "List-Id"]


@pytest.mark.rfc("8621 §4.1.3", "MUST")
@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("messageId", "header:Message-ID:asMessageIds"),
        ("inReplyTo", "header:In-Reply-To:asMessageIds"),
        ("references", "header:References:asMessageIds"),
        ("sender", "header:Sender:asAddresses"),
        ("from", "header:From:asAddresses"),
        ("to", "header:To:asAddresses"),
        ("cc", "header:Cc:asAddresses"),
        ("bcc", "header:Bcc:asAddresses"),
        ("replyTo", "header:Reply-To:asAddresses"),
        ("subject", "header:Subject:asText"),
        ("sentAt", "header:Date:asDate"),
    ],
)
def test_convenience_properties_are_others_by_a_short_name(name: str, same: str) -> None:
    assert CONVENIENCE[name] == HeaderProperty.parse(same)
    assert len(CONVENIENCE) == 11
