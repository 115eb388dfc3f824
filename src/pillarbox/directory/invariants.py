"""The invariants of the directory's tables, checked by `pillarbox fsck`."""

from pillarbox.directory import values
from pillarbox.directory.addresses import address_key
from pillarbox.directory.naming import NameRefused, parse_address
from pillarbox.directory.of_accounts import has_account
from pillarbox.directory.sign_in import invariants as sign_in
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database import Transaction
from pillarbox.world.database.invariant import Invariant


def _give_login_back(tx: Transaction) -> None:
    for account, login, written, served in tx.rows(
        "SELECT a.id, a.login, a.address, a.domain FROM accounts a WHERE NOT EXISTS (SELECT 1 FROM addresses d"
        " WHERE d.account = a.id AND d.local || '@' || d.domain = a.login)"
    ):
        local, _, domain = login.rpartition("@")
        if not (local and domain):
            local, domain, written = _damaged_login(tx, account, written, served)
            tx.execute("UPDATE accounts SET login = ? WHERE id = ?", (f"{local}@{domain}", account))
        tx.execute(
            "INSERT INTO addresses (local, domain, written, kind, account, group_id, may_send)"
            " VALUES (?, ?, ?, 'account', ?, NULL, 1) ON CONFLICT (local, domain) DO UPDATE SET"
            " written = excluded.written, kind = 'account', account = excluded.account, group_id = NULL",
            (local, domain, written.rpartition("@")[0], account),
        )


def _damaged_login(tx: Transaction, account: AccountId, written: str, served: str) -> tuple[str, str, str]:
    """For a login that is no address any more, the address: as key (local part and domain), and as written."""
    try:
        key = address_key(tx, parse_address(written))
        local, domain = key.local, key.domain
    except NameRefused:
        local = ""
    if not local or tx.row("SELECT 1 FROM accounts WHERE login = ?", (f"{local}@{domain}",)):
        local, domain = f"account-{account}", served
        written = f"{local}@{domain}"
    return local, domain, written


_MARKED_WRONGLY = """
FROM accounts a WHERE (responds = 1) <> EXISTS
  (SELECT 1 FROM vacation_responses v WHERE v.account = a.id AND v.enabled = 1)"""
_UNNUMBERED_IDENTITIES = """
FROM identities i WHERE id NOT LIKE 'Id%' AND NOT EXISTS (SELECT 1 FROM identity_counters c
  WHERE c.account = i.account AND c.latest >= CAST(substr(i.id, 2) AS INTEGER))"""
_NUMBER_IDENTITIES = f"""
INSERT INTO identity_counters
SELECT account, max(CAST(substr(id, 2) AS INTEGER)), max(modseq) {_UNNUMBERED_IDENTITIES} GROUP BY account
ON CONFLICT (account) DO UPDATE SET latest = excluded.latest, complete_from = excluded.complete_from"""
_ALIAS_OF_NOTHING = "FROM domains WHERE alias_of IS NOT NULL AND alias_of NOT IN (SELECT name FROM domains)"
_ALIAS_WITH_ADDRESSES = "FROM domains WHERE alias_of IS NOT NULL AND name IN (SELECT domain FROM addresses)"
_WITHOUT_OWNER = (
    "FROM addresses WHERE kind = 'account' AND account IS NULL OR kind = 'group' AND group_id IS NULL"
)
_ADDRESSLESS = (
    "FROM member_groups WHERE id NOT IN"
    " (SELECT group_id FROM addresses WHERE kind = 'group' AND group_id IS NOT NULL)"
)
_OF_NO_DOMAIN = (
    "FROM roles WHERE NOT (role = 'owner' AND domain = '' OR role = 'domain' AND domain IN"
    " (SELECT name FROM domains WHERE alias_of IS NULL))"
)
_GROUPLESS = "FROM group_members WHERE group_id NOT IN (SELECT id FROM member_groups)"

_RENUMBERED = (
    "SELECT a.id AS wrong, d.account AS own, a.login AS login FROM accounts a"
    " JOIN addresses d ON d.kind = 'account' AND d.local || '@' || d.domain = a.login"
    " WHERE d.account NOT IN (SELECT id FROM accounts)"
    " AND a.id NOT IN (SELECT account FROM addresses WHERE account IS NOT NULL)"
    " AND a.id NOT IN (SELECT account FROM passwords)"
    " AND a.id NOT IN (SELECT account FROM foreign_passwords)"
)

INVARIANTS = (
    *values.INVARIANTS,
    Invariant(
        "account-has-own-number",
        "An account has the number that its address, its password and its mail know it by.",
        f"SELECT login, wrong, own FROM ({_RENUMBERED})",  # noqa: S608 - a constant
        "account {0} has the number {1}, and its address belongs to account {2}, which does not exist",
        "Give it that number back.",
        (
            (
                f"UPDATE accounts AS a SET id = n.own FROM ({_RENUMBERED}) n WHERE a.id = n.wrong"  # noqa: S608 - a constant
            ),
        ),
    ),
    Invariant(
        "next-account-number-unused",
        "The number of the next account is above all that were assigned.",
        "SELECT latest FROM accounts_issued WHERE series = 'account'"
        " AND latest < (SELECT coalesce(max(id), 0) FROM accounts)",
        "the next account would get a number that is in use ({0})",
        "Continue above the highest.",
        (
            (
                "UPDATE accounts_issued SET latest = max(latest, (SELECT coalesce(max(id), 0) FROM accounts))"
                " WHERE series = 'account'"
            ),
        ),
    ),
    Invariant(
        "address-has-group",
        "A group's address belongs to an existing group.",
        "SELECT written, domain FROM addresses WHERE kind = 'group' AND group_id NOT IN"
        " (SELECT id FROM member_groups)",
        "address {0}@{1} belongs to a group that does not exist",
        "Drop the row.",
        ("DELETE FROM addresses WHERE kind = 'group' AND group_id NOT IN (SELECT id FROM member_groups)",),
    ),
    Invariant(
        "alias-domain-has-no-addresses",
        "A domain that stands for another one has no addresses of its own.",
        f"SELECT name, quote(alias_of) {_ALIAS_WITH_ADDRESSES}",
        "domain {0} has addresses, and stands for {1}",
        "Let it be a domain of its own.",
        (
            (
                "UPDATE domains SET alias_of = NULL"
                " WHERE alias_of IS NOT NULL AND name IN (SELECT domain FROM addresses)"
            ),
        ),
    ),
    Invariant(
        "domain-alias-has-target",
        "A domain that stands for another one stands for one that is served.",
        f"SELECT name, quote(alias_of) {_ALIAS_OF_NOTHING}",
        "domain {0} stands for {1}, which is not served",
        "Add it again for the right one, pillarbox domain add {0} --alias-of TARGET; before that:"
        " pillarbox domain remove {0}",
    ),
    Invariant(
        "address-has-owner",
        "An address of an account or a group has its number.",
        f"SELECT local, domain, kind {_WITHOUT_OWNER}",
        "address {0}@{1} has lost the number of its {2}",
        "Give it back to the account that has it as login. Others are removed: add them again.",
        (
            (
                "UPDATE addresses SET account = (SELECT a.id FROM accounts a"
                " WHERE a.login = addresses.local || '@' || addresses.domain)"
                " WHERE kind = 'account' AND account IS NULL"
            ),
            f"DELETE {_WITHOUT_OWNER}",
        ),
    ),
    Invariant(
        "group-has-address",
        "Every group has an address.",
        f"SELECT id, name {_ADDRESSLESS}",
        "group {1} has lost its address",
        "Remove it, with its members: add it again. Without members, nothing else is lost.",
        (f"DELETE {_ADDRESSLESS}",),
    ),
    Invariant(
        "group-member-has-group",
        "The members of a group belong to an existing group.",
        f"SELECT DISTINCT group_id {_GROUPLESS}",
        "members belong to group {0}, which does not exist",
        "Drop the rows.",
        (f"DELETE {_GROUPLESS}",),
    ),
    Invariant(
        "postmaster-exists",
        "The postmaster of a domain is an existing account.",
        "SELECT name, postmaster FROM domains WHERE postmaster IS NOT NULL"
        " AND postmaster NOT IN (SELECT id FROM accounts)",
        "the postmaster of {0} is account {1}, which does not exist",
        "Name the oldest account of the domain.",
        (
            (
                "UPDATE domains SET postmaster = (SELECT min(id) FROM accounts WHERE domain = domains.name)"
                " WHERE postmaster IS NOT NULL AND postmaster NOT IN (SELECT id FROM accounts)"
            ),
        ),
    ),
    Invariant(
        "role-has-domain",
        "An administrator is that of a domain that is served, and an owner of all.",
        f"SELECT account, role, domain {_OF_NO_DOMAIN}",
        "account {0} has the role {1} of {2}, which is no domain of that kind",
        "Drop it: grant it again (pillarbox role grant).",
        (f"DELETE {_OF_NO_DOMAIN}",),
    ),
    has_account("addresses", "account", "address-has-account", "An address"),
    *sign_in.INVARIANTS,
    has_account("roles", "account", "role-has-account", "A role"),
    has_account("identities", "account", "identity-has-account", "An identity"),
    has_account("vacation_responses", "account", "vacation-response-has-account", "An answer"),
    has_account("vacation_senders", "account", "vacation-sender-has-account", "Who has had an answer"),
    Invariant(
        "account-responds-if-switched-on",
        "An account is marked as answering if and only if that is switched on.",
        f"SELECT login {_MARKED_WRONGLY}",
        "{0} is marked wrongly: whether its mail is answered while its owner is away",
        "As it is switched.",
        (f"UPDATE accounts SET responds = 1 - responds WHERE id IN (SELECT id {_MARKED_WRONGLY})",),  # noqa: S608 - a constant
    ),
    Invariant(
        "identity-is-numbered",
        "The number of the latest identity that an account has made is known.",
        f"SELECT DISTINCT account {_UNNUMBERED_IDENTITIES}",
        "the number of the latest identity of account {0} is lost",
        "Continue above the highest.",
        (_NUMBER_IDENTITIES,),
    ),
    has_account("group_members", "account", "group-member-has-account", "A group's membership"),
    Invariant(
        "account-has-password",
        "Every account has a password, which may be one that nothing matches.",
        "SELECT login FROM accounts WHERE id NOT IN (SELECT account FROM passwords)"
        " AND id NOT IN (SELECT account FROM foreign_passwords)",
        "{0} has no password",
        "Set one: pillarbox account password {0}",
    ),
    Invariant(
        "account-has-domain",
        "Every account is in a domain that is served.",
        "SELECT login, domain FROM accounts WHERE domain NOT IN (SELECT name FROM domains)",
        "{0} is in {1}, which is not served",
        "Serve it: pillarbox domain add {1}",
    ),
    Invariant(
        "account-has-address",
        "Every account has its login as an address.",
        (
            "SELECT a.login FROM accounts a WHERE NOT EXISTS (SELECT 1 FROM addresses d WHERE d.account = a.id"
            " AND d.local || '@' || d.domain = a.login)"
        ),
        "account {0} has lost its first address",
        "Give it back; a login that is no address becomes the account's address. An alias or a group that has it now"
        " is removed.",
        _give_login_back,
    ),
    Invariant(
        "alias-has-target",
        "Every alias has a target.",
        "SELECT local, domain FROM addresses d WHERE kind = 'alias' AND NOT EXISTS"
        " (SELECT 1 FROM alias_targets t WHERE t.local = d.local AND t.domain = d.domain)",
        "alias {0}@{1} has no target",
        "Set a target: pillarbox alias set {0}@{1} TARGET; or remove it: pillarbox alias remove {0}@{1}",
    ),
)
"""All of them, in the order of repair."""
