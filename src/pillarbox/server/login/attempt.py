"""One SASL exchange of one client."""

from typing import Final, assert_never

from pillarbox.directory.sign_in import credentials
from pillarbox.protocol.sasl.exchange import (
    Challenge,
    CheckPassword,
    Exchange,
    Failure,
    NeedKeys,
    Reason,
    Success,
)
from pillarbox.server.login.client import Client
from pillarbox.server.login.logins import Logins
from pillarbox.server.login.outcome import Authenticated, Outcome, Unsuitable

_REFUSED: Final = Failure(Reason.CREDENTIALS, "refused")


class Attempt:
    """One SASL exchange of one client: octets in; a challenge, who it is, or a failure out."""

    __slots__ = ("_client", "_exchange", "_login", "_logins")

    def __init__(self, logins: Logins, exchange: Exchange, client: Client) -> None:
        self._logins = logins
        self._exchange = exchange
        self._client = client
        self._login = ""

    async def respond(self, octets: bytes | None) -> Challenge | Authenticated | Unsuitable | Failure:
        """Take the client's response, decoded; `None` where it sent no initial response.

        After anything but a `Challenge` the attempt is over. Raises `AuthenticationUnavailable`,
        `DatabaseUnavailable`; then it is over as well, and the client may try later.
        """
        step = self._exchange.respond(octets)
        while True:
            match step:
                case Challenge():
                    return step
                case Failure():
                    return await self._failed(step)
                case Success():
                    return await self._succeeded(step)
                case CheckPassword():
                    return await self._check_password(step)
                case NeedKeys(login):
                    self._login = login
                    step = self._exchange.supply(await self._logins.scram_keys(login, self._client))
                case _:
                    assert_never(step)

    async def _check_password(self, check: CheckPassword) -> Authenticated | Unsuitable | Failure:
        who = await self._logins.check_prepared(check.login, check.password, self._client)
        step = self._exchange.decide(granted=isinstance(who, Authenticated))
        if isinstance(who, Authenticated) and isinstance(step, Failure):
            return step
        return await self._authorized(who, check.authorization)

    async def _succeeded(self, success: Success) -> Authenticated | Unsuitable | Failure:
        who = await self._logins.scram_succeeded(success, self._client)
        return await self._authorized(who, success.authorization)

    async def _failed(self, failure: Failure) -> Failure:
        if failure.reason is Reason.CREDENTIALS and self._login:
            why = failure.detail if failure.detail in credentials.SILENT else ""
            await self._logins.scram_failed(self._login, self._client, why=why, name=failure.name)
        return failure

    async def _authorized(self, who: Outcome, authorization: str) -> Authenticated | Unsuitable | Failure:
        if not isinstance(who, Authenticated):
            return who or _REFUSED
        if await self._logins.may_act_as(who.account, authorization):
            return who
        return Failure(Reason.CREDENTIALS, "may not act as that identity")
