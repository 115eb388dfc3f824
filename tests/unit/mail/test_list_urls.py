"""URLs of mailing lists."""

import pytest

from pillarbox.mail.list_urls import urls


@pytest.mark.rfc("2369 §2", "MUST")
@pytest.mark.parametrize(
    ("value", "found"),
    [
        pytest.param(b"<mailto:a@b>", ["mailto:a@b"], id="one"),
        pytest.param(
            b"<ftp://x.example/l.txt>, <mailto:l@x>", ["ftp://x.example/l.txt", "mailto:l@x"], id="two"
        ),
        pytest.param(
            b"(all of it) <http://a/> (or),\t<http://b/>", ["http://a/", "http://b/"], id="comments"
        ),
        pytest.param(b"<http://a/long\t path>", ["http://a/longpath"], id="white space inside"),
        pytest.param(b"<http://a/x,y>", ["http://a/x,y"], id="comma inside"),
        pytest.param(b"<http://a/> and more <http://b/>", ["http://a/"], id="the rest is ignored"),
        pytest.param(b"http://a/", None, id="without brackets"),
        pytest.param(b"NO (posting not allowed)", None, id="List-Post: NO"),
        pytest.param(b"<>", None, id="empty"),
        pytest.param(b"", None, id="absent"),
    ],
)
def test_what_stands_in_angle_brackets_is_a_url(value: bytes, found: list[str] | None) -> None:
    assert urls(value) == found
