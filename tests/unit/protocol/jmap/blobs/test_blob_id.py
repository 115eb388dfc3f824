"""Ids of blobs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.protocol.jmap.blobs import blob_id
from pillarbox.protocol.jmap.blobs.blob_id import BlobId
from pillarbox.protocol.jmap.email import body_part
from pillarbox.protocol.jmap.scalars import Id, fits

DIGEST = bytes(range(32))


@pytest.mark.rfc("8620 §1.2", "MUST")
@given(st.binary(min_size=32, max_size=32))
def test_ids_are_valid_and_read_as_what_they_name(digest: bytes) -> None:
    for text, is_upload in ((blob_id.of_message(digest), False), (blob_id.of_upload(digest), True)):
        assert fits(text, Id)
        assert text[0].isalpha()
        assert text[1:] == text[1:].lower(), "no two differ by case only"
        assert blob_id.read(text) == BlobId(is_upload, digest, None)
        part = body_part.blob_id(text, "1.12.3")
        assert fits(part, Id)
        assert blob_id.read(part) == BlobId(is_upload, digest, "1.12.3")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "B",
        "b" + DIGEST.hex(),
        "M" + DIGEST.hex(),
        "B" + DIGEST.hex().upper(),
        "B" + DIGEST.hex()[1:],
        "B" + DIGEST.hex() + "0",
        "B" + DIGEST.hex() + "-",
        "B" + DIGEST.hex() + "-0",
        "B" + DIGEST.hex() + "-1_",
        "B" + DIGEST.hex() + "-1__2",
        "B" + DIGEST.hex() + "-1.2",
        "B" + DIGEST.hex() + "-01",
        "B" + DIGEST.hex() + "-12345",
        "B" + DIGEST.hex() + "-1" + "_1" * 200,
        "B" + DIGEST.hex() + "\n",
        "#" + DIGEST.hex(),
    ],
)
def test_other_texts_name_nothing(text: str) -> None:
    assert blob_id.read(text) is None
