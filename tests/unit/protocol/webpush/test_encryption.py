"""Push messages are encrypted as RFC 8291 has it, and a second implementation reads them."""

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.protocol.webpush import encryption, p256
from pillarbox.protocol.webpush.encryption import MAX_PLAIN_OCTETS, PlainTooLong, encrypt
from pillarbox.protocol.webpush.p256 import CHANCE_OCTETS, KeyRefused
from tests.kit.webpush import Client, decrypted, octets_of

PLAIN = b"When I grow up, I want to be a watermelon"
CLIENT = Client.of("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94", "BTBZMqHH6r4Tts7J_aSIgg")
PRIVATE = octets_of("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")
SALT = octets_of("DGv6ra1nlYgDCS1FRnbzlw")
BODY = octets_of("""
    DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml
    mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT
    pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN""")


def _encrypted(plain: bytes, client: Client = CLIENT, private: bytes = PRIVATE, salt: bytes = SALT) -> bytes:
    return encrypt(plain, p256dh=client.p256dh, auth=client.auth, private=private, salt=salt)


@pytest.mark.rfc("8291 §5", "MUST")
def test_the_example_of_rfc_8291() -> None:
    assert CLIENT.p256dh == octets_of(
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
    )
    assert _encrypted(PLAIN) == BODY
    assert CLIENT.read(BODY) == PLAIN


def test_what_keys_are_derived_from_in_appendix_a_of_rfc_8291() -> None:
    ours, theirs = p256.private_key(PRIVATE), p256.public_key(CLIENT.p256dh)
    shared = ours.exchange(ec.ECDH(), theirs)
    assert shared == octets_of("kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs")
    material = encryption._material(shared, CLIENT.auth, CLIENT.p256dh + p256.point_of(ours))
    assert material == octets_of("S4lYMb_L0FxCeq0WhDx813KgSYqU26kOyzWUdsXYyrg")
    assert encryption._hmac(SALT, material) == octets_of("09_eUZGrsvxChDCGRCdkLiDXrReGOEVeSCdCcPBSJSc")


@pytest.mark.rfc("8188 §3.1", "MUST")
def test_the_second_implementation_reads_the_example_of_rfc_8188() -> None:
    body = octets_of("I1BsxtFttlv3u_Oo94xnmwAAEAAA-NAVub2qFgBEuQKRapoZu-IxkIva3MEB1PD-ly8Thjg")
    assert decrypted(body, octets_of("yqdlZ-tYemfogSmv7Ws5PQ")) == b"I am the walrus"


def test_the_second_implementation_reads_several_records() -> None:
    """RFC 8188 §3.2."""
    body = octets_of(
        "uNCkWiNYzKTnBN9ji3-qWAAAABkCYTHOG8chz_gnvgOqdGYovxyjuqRyJFjEDyoF1Fvkj6hQPdPHI51OEUKEpgz3SsLWIqS_uA"
    )
    assert decrypted(body, octets_of("BO3ZVPxUlnLORbVGMpbT1Q")) == b"I am the walrus"


@given(
    plain=st.binary(max_size=MAX_PLAIN_OCTETS),
    chances=st.tuples(*[st.binary(min_size=CHANCE_OCTETS, max_size=CHANCE_OCTETS)] * 2),
    auth=st.binary(min_size=16, max_size=16),
    salt=st.binary(min_size=16, max_size=16),
)
def test_whatever_is_encrypted_is_read(
    plain: bytes, chances: tuple[bytes, bytes], auth: bytes, salt: bytes
) -> None:
    client = Client(p256.private_key(p256.scalar_of(chances[0])), auth)
    body = _encrypted(plain, client, p256.scalar_of(chances[1]), salt)
    assert client.read(body) == plain
    assert len(body) == len(plain) + 86 + 1 + 16


@pytest.mark.rfc("8291 §4", "MUST")
def test_what_does_not_fit_a_push_service_is_refused() -> None:
    assert MAX_PLAIN_OCTETS == 3993
    longest = bytes(range(256)) * 15 + bytes(153)
    assert len(_encrypted(longest)) == 4096
    assert CLIENT.read(_encrypted(longest)) == longest
    with pytest.raises(PlainTooLong):
        _encrypted(longest + b"x")


def test_an_empty_message_is_a_message() -> None:
    assert CLIENT.read(_encrypted(b"")) == b""


def test_only_the_client_reads_it() -> None:
    for other in (
        Client(p256.private_key(b"\1" * 32), CLIENT.auth),
        Client(CLIENT.private, b"\1" * 16),
    ):
        with pytest.raises(InvalidTag):
            other.read(BODY)


@pytest.mark.rfc("8291 §7", "MUST")
@pytest.mark.parametrize("point", [b"\0", bytes(65), b"\4" + b"\1" * 64, CLIENT.p256dh[:-1]])
def test_nothing_is_encrypted_for_a_key_that_is_none(point: bytes) -> None:
    with pytest.raises(KeyRefused):
        encrypt(b"x", p256dh=point, auth=CLIENT.auth, private=PRIVATE, salt=SALT)
