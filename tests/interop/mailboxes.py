"""What has arrived at a running test server."""

from pillarbox.world.database import Transaction
from tests.kit.server import Server


def inbox(server: Server, person: int) -> list[bytes]:
    """The messages of the n-th person, oldest first."""
    provider = server.provider

    def verb(tx: Transaction) -> list[bytes]:
        rows = tx.rows(
            "SELECT emails.blob FROM placements JOIN emails ON emails.id = placements.email"
            " WHERE placements.account = ? ORDER BY placements.uid",
            (provider.accounts[person],),
        )
        return [provider.world.blobs.read(tx, digest) for (digest,) in rows]

    return server.call(lambda: provider.world.database.read_now(verb))
