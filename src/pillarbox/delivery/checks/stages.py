"""Running the checks of a stage, and folding their findings into the verdict."""

from collections.abc import Mapping

from pillarbox.config.schema import Config
from pillarbox.delivery.checks.check import Check, Evidence, Stage, Verdict
from pillarbox.delivery.checks.table import CHECKS, Table
from pillarbox.delivery.envelope import Source
from pillarbox.world.world import World

_OF_A_MESSAGE = (Stage.SENDER, Stage.RECIPIENT, Stage.DATA)


class Checks:
    """The checks of a process; a class that is listed at several stages is one object."""

    def __init__(self, world: World, config: Config, table: Table = CHECKS) -> None:
        listed = dict.fromkeys(kind for kinds in table.values() for kind in kinds)
        assert all(kind.name != "event" for kind in listed), "the log calls its own name so"
        made = {kind: kind(world, config) for kind in listed if kind.applies(config)}
        self.rows: Mapping[Source, Mapping[Stage, tuple[Check, ...]]] = {
            source: {
                stage: tuple(
                    made[kind] for kind in table.get(stage, ()) if kind in made and source in kind.sources
                )
                for stage in Stage
            }
            for source in Source
        }
        """The checks that conclude at a stage, for mail of a source."""
        self._of_a_message: dict[Source, tuple[Check, ...]] = {
            source: tuple(dict.fromkeys(check for stage in _OF_A_MESSAGE for check in rows[stage]))
            for source, rows in self.rows.items()
        }

    def begin(self, evidence: Evidence) -> None:
        """MAIL was received: start what takes long."""
        for check in self._of_a_message[evidence.origin.source]:
            check.begin(evidence)

    def abandon(self, evidence: Evidence) -> None:
        """The message is over: end what was started and is not finished."""
        if evidence.begun:
            for check in self._of_a_message[evidence.origin.source]:
                check.abandon(evidence)

    def need_body(self, source: Source, top: bytes) -> bool:
        """Whether a check at DATA is to conclude when a large message with this top is there whole, and not before."""
        return any(check.needs_body(top) for check in self.rows[source][Stage.DATA])

    async def conclude(self, stage: Stage, evidence: Evidence, verdict: Verdict) -> Verdict:
        """The verdict after this stage. A refusal ends it: later checks do not run."""
        for check in self.rows[evidence.origin.source][stage]:
            verdict = verdict.with_finding(check.name, await check.conclude(evidence))
            if verdict.refused:
                break
        return verdict
