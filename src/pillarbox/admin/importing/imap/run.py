"""Importing all mailboxes of an account at another server, through lost connections and servers that ask to wait."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from pillarbox.admin.importing.imap.connection import RemoteRefused, Surroundings, connect
from pillarbox.admin.importing.imap.mailbox import MailboxPull, PullResult, Target
from pillarbox.admin.importing.imap.patience import Patience, asked_s, is_busy
from pillarbox.admin.importing.imap.plan import (
    Plan,
    Planned,
    Selection,
    local_roles,
    make_plan,
)
from pillarbox.admin.importing.imap.remote import Remote
from pillarbox.admin.importing.imap.session import CommandRefused, ConnectionLost, Session
from pillarbox.admin.importing.run import MAX_MAILBOXES
from pillarbox.admin.importing.source import SkippedMessage
from pillarbox.mail.mailbox_name import INBOX
from pillarbox.protocol.imap.client import commands
from pillarbox.protocol.imap.client.commands import CannotBeSent
from pillarbox.protocol.imap.client.responses import (
    Listed,
    MailboxStatus,
    Namespaces,
    Status,
    StatusResponse,
)
from pillarbox.store import mailboxes

T = TypeVar("T")

CONTENT_SLACK_OCTETS: Final = 64 * 1024
"""By so much more than it announced a message may be: servers estimate sizes."""


class GaveUp(Exception):
    """Attempts in a row have failed. What was imported stays; the text says why."""


class Pull:
    """One run."""

    def __init__(
        self,
        remote: Remote,
        target: Target,
        selection: Selection,
        world: Surroundings,
        *,
        patience: Patience = Patience(),  # noqa: B008 - frozen
        note: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """`note`: called with what a person who watches should know, such as that it waits."""
        self._remote = remote
        self._target = target
        self._selection = selection
        self._world = world
        self._patience = patience
        self._note = note
        self._session: Session | None = None
        self._reached = False
        """There was a session: what fails now may succeed later."""
        self.result = PullResult()

    async def plan(self) -> Plan:
        """The mailboxes there, and where each goes. Raises `RemoteRefused`, `GaveUp`."""
        return await self._through_losses(self._plan)

    async def counts(self, planned: list[Planned]) -> list[int | None]:
        """How many messages each has; `None` where the server does not tell."""

        async def count(session: Session) -> list[int | None]:
            return [await _count(session, one) for one in planned]

        return await self._through_losses(count)

    async def run(self, plan: Plan) -> PullResult:
        """Import. Raises `RemoteRefused`, `GaveUp`, `OverQuota`; what was imported until then stays."""
        if not plan.mailboxes:
            reasons = "".join(f"\n  {refused.path}: {refused.why}" for refused in plan.refused)
            raise RemoteRefused(f"No mailbox to import. To see those that are there: --list{reasons}")
        for refused in plan.refused:
            self._skip(refused.path, refused.why)
        for planned in plan.mailboxes:
            pull = MailboxPull(self._target, planned, self.result)
            try:
                await self._through_losses(pull.run)
            except (CommandRefused, CannotBeSent) as refused:
                self._skip(planned.path, f"the mailbox can't be read: {refused}")
            else:
                self.result.read += 1
        return self.result

    async def close(self) -> None:
        """Log out. Never raises for what the peer does."""
        if self._session is not None:
            await self._session.quit()
            self._session = None

    # --- connections

    async def _through_losses(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """The work done with a session, again with another one where it is lost; `work` goes on where it was."""
        attempt = 0
        while True:
            failure: ConnectionLost | CommandRefused
            stored, never_reached = self.result.stored, not self._reached
            try:
                if self._session is None:
                    self._session = await self._connect()
                    self._reached = True
                return await work(self._session)
            except ConnectionLost as lost:
                if never_reached and not (lost.response and is_busy(lost.response)):
                    raise RemoteRefused(f"No connection: {lost}") from lost
                failure, response = lost, lost.response
            except CommandRefused as refused:
                if not is_busy(refused.response):
                    raise
                failure, response = refused, refused.response
            except BaseException:
                self._drop()
                raise
            self._drop()
            attempt = 1 if self.result.stored > stored else attempt + 1
            if attempt >= self._patience.max_attempts:
                raise GaveUp(f"{attempt} attempts in a row have failed: {failure}")
            await self._wait(attempt, str(failure), response)

    async def _connect(self) -> Session:
        most = self._target.max_message_octets + CONTENT_SLACK_OCTETS
        return await connect(self._remote, self._world, max_content_octets=most)

    def _drop(self) -> None:
        if self._session is not None:
            self._session.abort()
            self._session = None

    async def _wait(self, attempt: int, why: str, response: StatusResponse | None) -> None:
        throttled = response is not None and (
            response.status is not Status.BYE or is_busy(response) or bool(asked_s(response))
        )
        asked = asked_s(response) if response else 0.0
        seconds = self._patience.wait_s(attempt, throttled=throttled, asked_s=asked)
        self._note(f"{self._remote.host}: {why}. Trying again in {seconds:.0f} seconds.")
        await self._world.clock.sleep(seconds)

    # --- mailboxes

    async def _plan(self, session: Session) -> Plan:
        listed = await _listed(session)
        if len({one.name for one in listed}) > MAX_MAILBOXES:
            raise RemoteRefused(f"The server lists more than {MAX_MAILBOXES} mailboxes.")
        namespaces = None
        if "NAMESPACE" in session.offered:
            try:
                data = await session.ask(b"NAMESPACE", expects=1)
                namespaces = next((one for one in data if isinstance(one, Namespaces)), None)
            except CommandRefused:
                pass
        if not any(one.name.upper() == INBOX.encode() for one in listed):
            listed.append(Listed(INBOX.encode(), "", frozenset()))
        here = self._target.database.read_now(mailboxes.listing, self._target.account)
        roles = local_roles((one.name, one.role) for one in here)
        return make_plan(listed, namespaces, session.offered, self._selection, roles)

    def _skip(self, where: str, why: str) -> None:
        self.result.skip(SkippedMessage(where, why, None, 0))


async def _listed(session: Session) -> list[Listed]:
    """Raises `RemoteRefused`, `ConnectionLost`, or `CommandRefused` where the server is busy."""
    try:
        return await _list(session, commands.list_all(session.offered))
    except CommandRefused as refused:
        if is_busy(refused.response):
            raise
    try:  # what a server offers it need not have
        return await _list(session, commands.list_all(frozenset()))
    except CommandRefused as refused:
        if is_busy(refused.response):
            raise
        raise RemoteRefused(f"The server does not list its mailboxes: {refused}") from refused


async def _list(session: Session, ways: list[bytes]) -> list[Listed]:
    listed: list[Listed] = []
    for command in ways:
        data = await session.ask(command, expects=MAX_MAILBOXES)
        listed += [one for one in data if isinstance(one, Listed)]
    return listed


async def _count(session: Session, planned: Planned) -> int | None:
    try:
        data = await session.ask(commands.status(planned.name), expects=1)
    except (CommandRefused, CannotBeSent):
        return None
    return next((one.items.get("MESSAGES") for one in data if isinstance(one, MailboxStatus)), None)
