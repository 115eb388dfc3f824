'''Checks of incoming mail: one file each, listed by stage in `table.py`.

A check examines the evidence and returns a finding; `stages.py` folds the findings of all checks into one
verdict, and `delivery.reception` acts on it. To add a check, copy this skeleton into a file of its own, add
one row to `CHECKS` in `table.py`, and add a test (`tests/unit/delivery/checks/`):

    """What the check examines, and why (RFC ...)."""

    from pillarbox.config.schema import Config
    from pillarbox.delivery.checks.check import NOTHING_FOUND, Check, Decision, Evidence, Finding
    from pillarbox.world.world import World


    class Greylist(Check):
        """One sentence."""

        name = "greylist"  # names the result in the log
        # sources = frozenset({Source.PUBLIC})  # mail it applies to; this is the default

        def __init__(self, world: World, config: Config) -> None:
            """Called once per process: an object is shared by all messages. Keep caches here, with a limit."""

        def begin(self, evidence: Evidence) -> None:
            """Optional. Called at MAIL, before anything is concluded: start slow work (DNS) early.

            Must not wait. Keep what was started in `self`, by key; `conclude` finds it there.
            """

        def needs_body(self, top: bytes) -> bool:
            """Optional. At DATA: a large message with this top is to be there whole (`evidence.rest`), which costs."""

        async def conclude(self, evidence: Evidence) -> Finding:
            """Called at the stage of the check's row. May wait, for a limited time: the client waits too.

            Must not raise: what cannot be determined is a finding as well.
            """
            if not suspicious(evidence):
                return NOTHING_FOUND
            return Finding(Decision.DEFER, status="7.1", text="Greylisted, try again later", result="new")

What the evidence holds at which stage, and what a decision has for effect, is described in `check.py`.
'''
