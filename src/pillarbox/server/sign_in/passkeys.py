"""Passkeys made and used (Web Authentication): what a browser is asked, and whether its answer counts.

Who asks, and on which pages, the configuration says (`config.relying_party`). A challenge is made by whoever begins a
step of a sign-in, or for whoever has a passkey (`open_challenges`), and used once. An answer is read with limits here,
and verified by a library, which is loaded with the first answer, in a thread.

A passkey may be used alone, where the authenticator verifies who holds it, or after the password.
"""

from typing import Any, Final

import msgspec

from pillarbox.config.relying_party import NoPasskeys, RelyingParty, relying_party, why_not
from pillarbox.config.schema import Config
from pillarbox.directory.accounts import Account
from pillarbox.directory.sign_in import passkeys as rows
from pillarbox.directory.sign_in.passkeys import HANDLE_OCTETS, NewPasskey, Passkey, Use
from pillarbox.mail.identifiers import AccountId
from pillarbox.server.sign_in import passkey_responses
from pillarbox.server.sign_in import passkey_verification as verification
from pillarbox.server.sign_in.open_challenges import OpenChallenge, OpenChallenges
from pillarbox.server.sign_in.passkey_responses import ResponseRefused, Shown, written
from pillarbox.world.world import World

CHALLENGE_OCTETS: Final = 32
TIMEOUT_MS: Final = 5 * 60 * 1000
"""How long a browser waits for its person; a page that stays open asks for a new challenge."""


class Passkeys:
    """The passkeys of one process."""

    def __init__(self, world: World, config: Config) -> None:
        self._world = world
        self.party = relying_party(config)
        self._name = config.hostname
        self._open = OpenChallenges(world)

    def why_not(self, page: str) -> NoPasskeys | None:
        """Why a page of this origin can't use passkeys; None where it can."""
        return why_not(self.party, page)

    def challenge(self) -> bytes:
        """A new one."""
        return self._world.entropy.token_bytes(CHALLENGE_OCTETS)

    async def begin_open(self) -> OpenChallenge:
        """One for whoever has a passkey. Raises `ResponseRefused` where there are no passkeys."""
        return await self._open.begin(self._party.id)

    async def find_open(self, token: str) -> OpenChallenge | None:
        """The one of this token; None where it has expired, or never was. Raises `ResponseRefused` likewise."""
        return await self._open.find(token, self._party.id)

    @property
    def _party(self) -> RelyingParty:
        if isinstance(self.party, NoPasskeys):
            raise ResponseRefused(self.party.value)
        return self.party

    # --- made

    async def creation_options(self, account: Account, challenge: bytes) -> bytes:
        """JSON for `parseCreationOptionsFromJSON` (Web Authentication §5.4). Raises `ResponseRefused` where there are
        no passkeys."""
        party, database = self._party, self._world.database
        fresh = self._world.entropy.token_bytes(HANDLE_OCTETS)
        handle = await database.write(rows.ensure_handle, account.id, fresh)
        known = await database.read(rows.listing, account.id)
        options = {
            "rp": {"id": party.id, "name": self._name},
            "user": {
                "id": written(handle),
                "name": account.address,
                "displayName": account.name or account.address,
            },
            "challenge": written(challenge),
            "pubKeyCredParams": [
                {"type": "public-key", "alg": algorithm} for algorithm in verification.ALGORITHMS
            ],
            "timeout": TIMEOUT_MS,
            "excludeCredentials": [_descriptor(one) for one in known],
            "authenticatorSelection": {
                "residentKey": "preferred",
                "requireResidentKey": False,
                "userVerification": "preferred",
            },
            "attestation": "none",
            "extensions": {"credProps": True},
        }
        return msgspec.json.encode(options)

    async def verified_new(self, response: bytes, challenge: bytes) -> NewPasskey:
        """The passkey of this answer, which is yet to be added. Raises `ResponseRefused`."""
        party, made = self._party, passkey_responses.read_made(response)
        _see_that_one_was_asked_for(challenge)
        return await self._world.aside.run(verification.verified_new, made, challenge, party)

    # --- used

    async def request_options(self, challenge: bytes, account: AccountId | None = None) -> bytes:
        """JSON for `parseRequestOptionsFromJSON` (Web Authentication §5.5), for a passkey of this account, or of
        whoever has one. Raises `ResponseRefused` where there are no passkeys."""
        known = [] if account is None else await self._world.database.read(rows.listing, account)
        options = {
            "challenge": written(challenge),
            "timeout": TIMEOUT_MS,
            "rpId": self._party.id,
            "allowCredentials": [_descriptor(one) for one in known],
            "userVerification": "required" if account is None else "preferred",
        }
        return msgspec.json.encode(options)

    async def verified_use(
        self,
        response: bytes,
        challenge: bytes,
        account: AccountId | None = None,
        *,
        after_password: bool = False,
    ) -> Use:
        """Whose passkey answers, which `record_use` is yet to record: of this account, or of whoever has one.

        Alone, where the account is not known before, the authenticator must have verified who holds it.
        `after_password`: whether this person has shown the password. Raises `ResponseRefused`, `DatabaseUnavailable`.
        """
        party, shown = self._party, passkey_responses.read_shown(response)
        _see_that_one_was_asked_for(challenge)
        found = await self._world.database.read(rows.by_credential, shown.credential)
        if found is None:
            raise ResponseRefused("nobody has this passkey")
        if account is not None and found.account != account:
            raise ResponseRefused("the passkey is another account's")
        if found.domain != party.id:
            raise ResponseRefused("the passkey was made for another domain")
        await self._check_handle(shown, found, required=account is None)
        if account is None and not found.verified:
            raise ResponseRefused("the passkey may only be used after the password")
        return await self._world.aside.run(
            verification.verified_use,
            shown,
            challenge,
            found,
            party,
            alone=account is None,
            after_password=after_password,
        )

    async def _check_handle(self, shown: Shown, found: Passkey, *, required: bool) -> None:
        """Web Authentication §7.2, step 6."""
        if shown.handle is None:
            if required:
                raise ResponseRefused("the passkey does not say whose it is")
            return
        handle = await self._world.database.read(rows.handle_of, found.account)
        if shown.handle != handle:
            raise ResponseRefused("the passkey says that it is another account's")


def _see_that_one_was_asked_for(challenge: bytes) -> None:
    if len(challenge) != CHALLENGE_OCTETS:
        raise ResponseRefused("no passkey was asked for")


def _descriptor(passkey: Passkey) -> dict[str, Any]:
    described: dict[str, Any] = {"type": "public-key", "id": written(passkey.credential)}
    if passkey.transports:
        described["transports"] = passkey.transports.split()
    return described
