"""Identities: the addresses that an account sends from, each with a name, a signature and more (RFC 8621 §6).

Each address that an account may send from is an identity by itself, which cannot be deleted; a row keeps what its owner
has set of it. Others are rows only: several for one address, or for addresses with a detail. Of an address that the
account has lost, they stay, and cannot be used.

`modseq` is that of the account at the last change. What was destroyed stays as a row without content, so that others
hear of it; `complete_from` of the account says since when none of these is missing.
"""

from hashlib import sha256
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import UNSET, Struct, UnsetType

from pillarbox.directory import accounts, sending_addresses
from pillarbox.mail.address import Address, InvalidAddress
from pillarbox.mail.identifiers import AccountId, ModSeq
from pillarbox.world.database.transaction import Transaction

MAX_IDENTITIES: Final = 100
"""Rows of an account."""
MAX_DESTROYED: Final = 100
"""Of these, so many are remembered after they were destroyed."""
MAX_NAME_CHARACTERS: Final = 200
MAX_SIGNATURE_CHARACTERS: Final = 64 * 1024
MAX_ADDRESSES: Final = 50
"""Of Reply-To and of Bcc."""


class IdentityRefused(Exception):
    """An identity cannot be so: `type` is that of a SetError (RFC 8620 §5.3, RFC 8621 §6.3)."""

    def __init__(self, type_: str, description: str, *properties: str) -> None:
        super().__init__(description)
        self.type = type_
        self.description = description
        self.properties = properties


class CannotCalculateChanges(Exception):
    """What happened since then is not known any more."""


class NamedAddress(Struct, frozen=True, gc=False):
    """An EmailAddress of RFC 8621 §4.1.2.3."""

    name: str | None
    email: str


Addresses = tuple[NamedAddress, ...] | None


class Settings(Struct, frozen=True, gc=False):
    """What the owner sets of an identity; what is unset stays."""

    name: str | UnsetType = UNSET
    reply_to: Addresses | UnsetType = UNSET
    bcc: Addresses | UnsetType = UNSET
    text_signature: str | UnsetType = UNSET
    html_signature: str | UnsetType = UNSET


class Identity(Struct, frozen=True, gc=False):
    """One identity."""

    id: str
    name: str
    email: str
    """`*@domain` stands for all addresses of a domain."""
    reply_to: Addresses
    bcc: Addresses
    text_signature: str
    html_signature: str
    may_delete: bool
    usable: bool
    """Whether the account may send from the address now."""


class Logged(NamedTuple):
    """An identity that has changed."""

    id: str
    created: ModSeq
    changed: ModSeq
    destroyed: bool


class State(NamedTuple):
    """How far a client knows them."""

    modseq: ModSeq
    """Of the last change."""
    addresses: str
    """Which addresses the account may send from: another text for others."""

    @property
    def text(self) -> str:
        """As clients have it."""
        return f"{self.modseq}-{self.addresses}"


def listing(tx: Transaction, account: AccountId) -> list[Identity]:
    """All identities of an account, that of its first address first."""
    rows = {
        row[0]: row for row in tx.rows(f"{_SELECT} AND destroyed = 0 ORDER BY created_modseq, id", (account,))
    }
    name, derived = _derived(tx, account)
    found = []
    for identifier, email in derived.items():
        row = rows.pop(identifier, None)
        found.append(
            _identity(row, may_delete=False, usable=True)
            if row
            else Identity(identifier, name, email, None, None, "", "", may_delete=False, usable=True)
        )
    for row in rows.values():
        if not _is_derived(row[0]):
            usable = sending_addresses.may_send_from(tx, account, row[2])
            found.append(_identity(row, may_delete=True, usable=usable))
    return found


def get(tx: Transaction, account: AccountId, identifier: str) -> Identity | None:
    """One identity."""
    return next((each for each in listing(tx, account) if each.id == identifier), None)


def state(tx: Transaction, account: AccountId) -> State:
    """Another for each state of the identities."""
    return State(modseq(tx, account), _digest(tx, account))


def read_state(text: str) -> State | None:
    """A state from its text; None for any other text."""
    number, _, addresses = text.partition("-")
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        return None
    return State(ModSeq(int(number)), addresses)


def changes(tx: Transaction, account: AccountId, since: State) -> list[Logged]:
    """What has changed since a state, each once, by its last change.

    Raises `CannotCalculateChanges`: also where addresses have come or gone.
    """
    complete: int | None = tx.value(
        "SELECT complete_from FROM identity_counters WHERE account = ?", (account,)
    )
    now = state(tx, account)
    if since.addresses != now.addresses or not (complete or 0) <= since.modseq <= now.modseq:
        raise CannotCalculateChanges(since.text)
    rows = tx.rows(
        "SELECT id, created_modseq, modseq, destroyed FROM identities WHERE account = ? AND modseq > ?"
        " ORDER BY modseq, id",
        (account, since.modseq),
    )
    return [Logged(key, created, changed, bool(destroyed)) for key, created, changed, destroyed in rows]


def modseq(tx: Transaction, account: AccountId) -> ModSeq:
    """The MODSEQ of the account at which one last changed, whatever addresses have come or gone."""
    latest: int | None = tx.value("SELECT max(modseq) FROM identities WHERE account = ?", (account,))
    return ModSeq(latest or 0)


def create(tx: Transaction, account: AccountId, email: str, settings: Settings, *, modseq: ModSeq) -> str:
    """Make an identity; return its id. Raises `IdentityRefused`."""
    if not sending_addresses.may_send_from(tx, account, email):
        raise IdentityRefused("forbiddenFrom", "the account may not send from this address")
    _check(settings)
    _refuse_too_many(tx, account)
    tx.execute(
        "INSERT INTO identity_counters VALUES (?, 1, 0) ON CONFLICT (account) DO UPDATE SET latest = latest + 1",
        (account,),
    )
    latest: int = tx.value("SELECT latest FROM identity_counters WHERE account = ?", (account,))
    identifier = f"I{latest}"
    before = Identity(identifier, "", email, None, None, "", "", may_delete=True, usable=True)
    _insert(tx, account, _with(before, settings), created_modseq=modseq, modseq=modseq)
    return identifier


def update(
    tx: Transaction, account: AccountId, identifier: str, settings: Settings, *, modseq: ModSeq
) -> None:
    """Change an identity. Raises `IdentityRefused`."""
    before = get(tx, account, identifier)
    if before is None:
        raise IdentityRefused("notFound", "there is no such identity")
    _check(settings)
    if not before.may_delete and not _has_row(tx, account, identifier):
        _refuse_too_many(tx, account)
        # It was there already, for those who ask what has changed
        _insert(tx, account, _with(before, settings), created_modseq=ModSeq(0), modseq=modseq)
        return
    after = _with(before, settings)
    tx.execute(
        "UPDATE identities SET name = ?, reply_to = ?, bcc = ?, text_signature = ?, html_signature = ?, modseq = ?"
        " WHERE account = ? AND id = ?",
        (
            after.name,
            _written(after.reply_to),
            _written(after.bcc),
            after.text_signature,
            after.html_signature,
            modseq,
            account,
            identifier,
        ),
    )


def destroy(tx: Transaction, account: AccountId, identifier: str, *, modseq: ModSeq) -> None:
    """Delete an identity. Raises `IdentityRefused`."""
    found = get(tx, account, identifier)
    if found is None:
        raise IdentityRefused("notFound", "there is no such identity")
    if not found.may_delete:
        raise IdentityRefused("forbidden", "the account has this address; the identity goes with it")
    tx.execute(
        "UPDATE identities SET destroyed = 1, name = '', reply_to = NULL, bcc = NULL, text_signature = '',"
        " html_signature = '', modseq = ? WHERE account = ? AND id = ?",
        (modseq, account, identifier),
    )
    _forget_destroyed(tx, account)


def _forget_destroyed(tx: Transaction, account: AccountId) -> None:
    rows = tx.rows(
        "SELECT id, modseq FROM identities WHERE account = ? AND destroyed = 1 ORDER BY modseq DESC",
        (account,),
    )
    for identifier, modseq in rows[MAX_DESTROYED:]:
        tx.execute(
            "UPDATE identity_counters SET complete_from = max(complete_from, ?) WHERE account = ?",
            (modseq, account),
        )
        tx.execute("DELETE FROM identities WHERE account = ? AND id = ?", (account, identifier))


def _refuse_too_many(tx: Transaction, account: AccountId) -> None:
    rows: int = tx.value("SELECT count(*) FROM identities WHERE account = ? AND destroyed = 0", (account,))
    if rows >= MAX_IDENTITIES:
        raise IdentityRefused("overQuota", f"an account has at most {MAX_IDENTITIES} identities of its own")


def _has_row(tx: Transaction, account: AccountId, identifier: str) -> bool:
    return tx.row("SELECT 1 FROM identities WHERE account = ? AND id = ?", (account, identifier)) is not None


def _derived(tx: Transaction, account: AccountId) -> tuple[str, dict[str, str]]:
    """The name of the owner, and the identities that come with the addresses: ids and addresses."""
    owner = accounts.get(tx, account)
    if owner is None:
        return "", {}
    return owner.name, {_derived_id(email): email for email in sending_addresses.listing(tx, account)}


def _derived_id(email: str) -> str:
    try:
        key = Address.parse(email).key
    except InvalidAddress:
        key = email
    return "Id" + sha256(key.lower().encode()).hexdigest()[:24]


def _is_derived(identifier: str) -> bool:
    return identifier.startswith("Id")


def _digest(tx: Transaction, account: AccountId) -> str:
    name, derived = _derived(tx, account)
    return sha256("\n".join((name, *derived.values())).encode()).hexdigest()[:12]


def _check(settings: Settings) -> None:
    """Raises `IdentityRefused`."""
    wrong = dict[str, str]()
    texts = {
        "name": (settings.name, MAX_NAME_CHARACTERS),
        "textSignature": (settings.text_signature, MAX_SIGNATURE_CHARACTERS),
        "htmlSignature": (settings.html_signature, MAX_SIGNATURE_CHARACTERS),
    }
    for name, (text, limit) in texts.items():
        if isinstance(text, str) and (len(text) > limit or not _is_clean(text, lines=name != "name")):
            wrong[name] = f"at most {limit} characters of text"
    for name, value in (("replyTo", settings.reply_to), ("bcc", settings.bcc)):
        if not isinstance(value, UnsetType) and value and not _are_addresses(value):
            wrong[name] = f"at most {MAX_ADDRESSES} valid addresses"
    if wrong:
        why = "; ".join(f"{name}: {what}" for name, what in wrong.items())
        raise IdentityRefused("invalidProperties", why, *wrong)


def _are_addresses(addresses: tuple[NamedAddress, ...]) -> bool:
    return len(addresses) <= MAX_ADDRESSES and all(map(_is_address, addresses))


def _is_address(address: NamedAddress) -> bool:
    try:
        Address.parse(address.email)
    except InvalidAddress:
        return False
    name = address.name or ""
    return len(name) <= MAX_NAME_CHARACTERS and _is_clean(name, lines=False)


def _is_clean(text: str, *, lines: bool) -> bool:
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        return False
    return lines or not any(character < " " or character == "\x7f" for character in text)


def _with(before: Identity, settings: Settings) -> Identity:
    changes = {
        name: value
        for name in Settings.__struct_fields__
        if not isinstance(value := getattr(settings, name), UnsetType)
    }
    return msgspec.structs.replace(before, **changes)


def _insert(
    tx: Transaction, account: AccountId, new: Identity, *, created_modseq: ModSeq, modseq: ModSeq
) -> None:
    tx.execute(
        "INSERT INTO identities (account, id, name, email, reply_to, bcc, text_signature, html_signature,"
        " created_modseq, modseq, destroyed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
        (
            account,
            new.id,
            new.name,
            new.email,
            _written(new.reply_to),
            _written(new.bcc),
            new.text_signature,
            new.html_signature,
            created_modseq,
            modseq,
        ),
    )


_SELECT: Final = (
    "SELECT id, name, email, reply_to, bcc, text_signature, html_signature FROM identities WHERE account = ?"
)


def _identity(row: tuple[Any, ...], *, may_delete: bool, usable: bool) -> Identity:
    identifier, name, email, reply_to, bcc, text, html = row
    return Identity(
        identifier, name, email, _read(reply_to), _read(bcc), text, html, may_delete=may_delete, usable=usable
    )


def _written(addresses: Addresses) -> str | None:
    return None if addresses is None else msgspec.json.encode(addresses).decode()


def _read(text: str | None) -> Addresses:
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=tuple[NamedAddress, ...])
    except msgspec.DecodeError:  # damaged
        return None
