"""What is signed of a message as it comes, because it is going to leave: our own mail, and what we hand on."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from pillarbox.delivery.envelope import Source
from pillarbox.delivery.pieces import Rest, Whole
from pillarbox.delivery.signing import Signer
from pillarbox.trust.results import MethodResult


class Signed(Struct, frozen=True, gc=False):
    """Fields for the top of a message."""

    signatures: bytes = b""
    """DKIM."""
    seal: bytes = b""
    """ARC: last of all changes, so it stands above them."""


NOT_SIGNED: Final = Signed()


async def signed(
    signer: Signer,
    source: Source,
    top: bytes,
    rest: Rest | None,
    found: Sequence[MethodResult],
    hostname: str,
) -> Signed:
    """Signatures on mail by people of ours, a seal on mail of others. `found`: what the checks say of it.

    Raises `DatabaseUnavailable`.
    """
    if source is Source.SUBMISSION:
        assert rest is not None, "what is signed is there whole"
        return Signed(signatures=await signer.signatures(Whole(top, rest)))
    if not found:
        return NOT_SIGNED  # nobody has looked at its chain
    assert rest is not None, "what is signed is there whole"
    return Signed(seal=await signer.seal(Whole(top, rest), found, hostname))
