"""Whether people can use passkeys, and for what domain."""

from collections.abc import Iterator

from pillarbox.admin.checks.result import CheckResult, advice, ok, warning
from pillarbox.admin.permissions import OWNER, may
from pillarbox.config.relying_party import NoPasskeys, RelyingParty, relying_party
from pillarbox.config.schema import Config
from pillarbox.directory.sign_in import passkeys as rows
from pillarbox.world.database.transaction import Transaction


def passkeys(config: Config, useless: int = 0) -> Iterator[CheckResult]:
    """Say for what domain passkeys are made, or why there are none. `useless`: how many were made for another."""
    party = relying_party(config)
    if party is NoPasskeys.NO_WEB:
        return
    if isinstance(party, NoPasskeys):
        yield advice(
            config.web_url,
            f"nobody can use passkeys: {party.value}",
            "Set [http] url to https:// and a host name, and [http] passkey_domain to that host or a domain above it.",
        )
        return
    yield ok(
        party.id,
        f"passkeys are made for this domain, and used at {', '.join(party.origins)}; "
        "if it changes, all of them become useless",
    )
    if useless:
        yield warning(
            party.id,
            f"passkeys that were made for another domain, and are of no use: {useless}",
            "Set [http] passkey_domain to what it was, or let their owners make new ones.",
        )


@may(OWNER)
def made_for_others(tx: Transaction, config: Config) -> int:
    """How many passkeys were made for another domain than that of the configuration."""
    party = relying_party(config)
    return rows.of_other_domains(tx, party.id) if isinstance(party, RelyingParty) else 0
