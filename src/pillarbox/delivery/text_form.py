"""The form in which a message is placed: its binary parts in base64 (see `pillarbox.mail.binary_parts`).

What is relayed keeps its form: the next server may take it as it is, and signatures hold.
"""

import asyncio
from typing import Final

from pillarbox.mail import binary_parts
from pillarbox.world.blobs import Blobs, BlobWriter, PreparedBlob

MEMORY_FACTOR: Final = 3
"""So many times its octets a binary message takes in memory."""


async def text_form(blob: PreparedBlob, octets: bytes, blobs: Blobs) -> tuple[PreparedBlob, bytes]:
    """A message that came as binary in the form in which it is placed: its blob, and its octets.

    Where that is another blob, the file of the first is removed. Raises `DatabaseUnavailable` where the disk fails.
    """
    if not binary_parts.holds_binary(octets):
        return blob, octets
    writer = blobs.writer()
    if not await asyncio.get_running_loop().run_in_executor(None, _written, octets, writer):
        return blob, octets
    placed = await writer.finish()
    blobs.discard(blob)
    return placed


def _written(octets: bytes, writer: BlobWriter) -> bool:
    """In a thread: write the other form, if there is one."""
    try:
        pieces = binary_parts.encoded(octets)
        for piece in pieces or ():
            writer.write(piece)
    except BaseException:
        writer.abandon()
        raise
    if pieces is None:
        writer.abandon()
    return pieces is not None
