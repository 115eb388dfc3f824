"""What helps who has forgotten a password."""

from typing import Final

from pillarbox.directory.sign_in.link_tokens import DIGEST_OCTETS
from pillarbox.directory.sign_in.recovery_addresses import Purpose
from pillarbox.directory.sign_in.reset_links import MadeBy
from pillarbox.world.database.values import TableValues, date, integer, octets, text

_RESET_LINKS: Final = TableValues(
    name="reset-link-values-valid",
    table="reset_links",
    columns={
        "digest": octets(length=DIGEST_OCTETS),
        "made_by": text(among=tuple(MadeBy)),
        "asks_factor": integer(0, 1, "1"),
        "tries": integer(),
        **dict.fromkeys(("made_at_ms", "expires_at_ms"), date()),
    },
    rule="What is kept of a link for a new password has its types.",
    named="account",
    message="the link for a new password of account {0} has a digest, number or date of a wrong type",
    remedy="Drop it: make a new one. Where nobody knows whether a second factor is asked for, it is.",
)

_RECOVERY_ADDRESSES: Final = TableValues(
    name="recovery-address-values-valid",
    table="recovery_addresses",
    columns={"address": text(), "confirmed_at_ms": date("0")},
    rule="A recovery address is a text.",
    named="account",
    message="the recovery address of account {0} has a text or date of a wrong type",
    remedy="Without its text, it is dropped: its owner sets it again.",
)

_RECOVERY_CONFIRMATIONS: Final = TableValues(
    name="recovery-confirmation-values-valid",
    table="recovery_confirmations",
    columns={"address": text(), "digest": octets(length=DIGEST_OCTETS), "expires_at_ms": date()},
    rule="What is kept of a recovery address that is to be confirmed has its types.",
    named="account",
    message="a recovery address of account {0}, to be confirmed, has a text, digest or date of a wrong type",
    remedy="Drop it: its owner sets it again.",
)

_RECOVERY_MAILS: Final = TableValues(
    name="recovery-mail-values-valid",
    table="recovery_mails",
    columns={
        "account": integer(),
        "address": text(),
        "purpose": text(among=tuple(Purpose)),
        "at_ms": date(),
    },
    rule="What is kept of a mail to a recovery address has its types.",
    named="CAST(account AS INTEGER)",
    message="what was mailed to the recovery address of account {0} has a text or date of a wrong type",
    remedy="Forget it.",
)

TABLES: Final[tuple[TableValues, ...]] = (
    _RESET_LINKS,
    _RECOVERY_ADDRESSES,
    _RECOVERY_CONFIRMATIONS,
    _RECOVERY_MAILS,
)
