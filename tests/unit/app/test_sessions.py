"""Every service of the table has sessions."""

import asyncio

from pillarbox.config.services import SERVICES
from tests.kit.provider import open_provider
from tests.kit.server import factories


def test_there_is_a_session_factory_for_each_service() -> None:
    async def names() -> list[str]:
        provider = await open_provider()
        try:
            return list(factories(provider))
        finally:
            await provider.close()

    assert asyncio.run(names()) == list(SERVICES)
