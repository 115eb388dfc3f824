"""All chores of a worker: those of the house one after another; beside them what people wait for, and what waits for
other servers."""

from collections.abc import Callable

from pillarbox.config.schema import Config
from pillarbox.server.chores.releasing import Releases
from pillarbox.server.chores.reporting import REPORTS_EVERY_S, DailyReports
from pillarbox.server.chores.runner import Chores
from pillarbox.server.chores.sign_ins import HISTORY_EVERY_S, OldSignIns
from pillarbox.server.chores.table import CHORES, Chore
from pillarbox.server.push.starting import Pushes
from pillarbox.world.world import World


class BackgroundWork:
    """Runs while `may_run` returns true, which it does in one worker of a machine."""

    def __init__(self, world: World, config: Config, may_run: Callable[[], bool]) -> None:
        self._reports = DailyReports(config)
        self._releases = Releases(world, config)
        self._old_sign_ins = OldSignIns(config)
        forgetting = Chore(self._old_sign_ins.run, every_s=HISTORY_EVERY_S)
        self._chores = Chores(world, may_run, (*CHORES, forgetting))
        self._releasing = Chores(world, may_run, (Chore(self._releases.run),))
        self._reporting = Chores(world, may_run, (Chore(self._reports.run, every_s=REPORTS_EVERY_S),))
        self._pushes = Pushes(world, config, may_run)

    def start(self) -> None:
        """Begin."""
        self._chores.start()
        self._releasing.start()
        self._reporting.start()
        self._pushes.start()

    def reconfigure(self, config: Config) -> None:
        """What is begun from now on is as configured now."""
        self._reports.config = self._releases.config = self._old_sign_ins.config = config
        self._pushes.reconfigure(config)

    async def stop(self) -> None:
        """End; transactions under way are finished by the database."""
        await self._pushes.stop()
        await self._reporting.stop()
        await self._releasing.stop()
        await self._chores.stop()
