"""The values that rows of the directory have, and what is put in the place of others.

They are repaired first: an account whose login is lost gets its address as login, by the invariants that follow.
"""

from typing import Final

from pillarbox.directory.addresses import ACCOUNT, ALIAS, GROUP
from pillarbox.directory.dkim_keys import KeyState
from pillarbox.directory.domains import DEFAULT_SEPARATOR
from pillarbox.directory.roles import Role
from pillarbox.directory.sign_in import values as sign_in
from pillarbox.protocol.sasl.scram_keys import DEFAULT_ITERATIONS, SALT_OCTETS
from pillarbox.world.database.values import Rule, TableValues, date, integer, octets, optional, text

_MAX_ITERATIONS: Final = 10**7
_MAX_ACCOUNT: Final = 2**26
_LOST_NUMBER: Final = (
    "coalesce((SELECT d.account FROM addresses d WHERE d.kind = 'account'"
    " AND d.local || '@' || d.domain = accounts.login AND d.account NOT IN (SELECT a.id FROM accounts a)),"
    " (SELECT 1 + latest FROM accounts_issued))"
)
_LOST_GROUP: Final = (
    "coalesce((SELECT min(d.group_id) FROM addresses d WHERE d.kind = 'group'"
    " AND d.group_id NOT IN (SELECT g.id FROM member_groups g)), (SELECT 1 + max(g.id) FROM member_groups g))"
)
"""The numbers by which their addresses know them."""

_DOMAINS: Final = TableValues(
    name="domain-values-valid",
    table="domains",
    columns={
        "name": text(),
        "alias_of": optional(text("''")),
        "separator": text(f"'{DEFAULT_SEPARATOR}'"),
        "quota_octets": optional(integer()),
        "postmaster": optional(integer(instead="(SELECT min(id) FROM accounts WHERE domain = domains.name)")),
        "created_at_ms": date("0"),
    },
    rule="What is known of a domain has its types.",
    named="quote(name)",
    message="domain {0} has a name, target, separator, quota, postmaster or date of a wrong type",
    remedy=f"Its separator becomes '{DEFAULT_SEPARATOR}', its quota none, its postmaster the oldest account; without"
    " its name, it is dropped.",
)

_ACCOUNTS: Final = TableValues(
    name="account-values-valid",
    table="accounts",
    columns={
        "id": integer(1, _MAX_ACCOUNT, _LOST_NUMBER),
        "login": text("'account-' || id"),
        "domain": text("substr(login, instr(login, '@') + 1)"),
        "address": text("login"),
        "name": text("''"),
        "quota_octets": optional(integer()),
        "enabled": integer(0, 1, "1"),
        "responds": integer(0, 1, "0"),
        "scram_salt": octets(f"randomblob({SALT_OCTETS})", length=SALT_OCTETS),
        "scram_iterations": integer(1, _MAX_ITERATIONS, f"{DEFAULT_ITERATIONS}"),
        "created_at_ms": date("0"),
    },
    rule="What is known of an account has its types.",
    named="id",
    message="account {0} has a login, address, name, quota, salt or state of a wrong type",
    remedy="Its login becomes its address or the other way round; it becomes enabled, its quota that of its domain."
    " With a new salt, SCRAM works again when its password is set.",
)

_ISSUED: Final = TableValues(
    name="account-series-valid",
    table="accounts_issued",
    columns={"series": text("'account'", among=("account",)), "latest": integer(instead="0")},
    rule="The number of the latest account is a number.",
    named="1",
    message="the number of the latest account is not a number",
    remedy="Continue above the highest.",
)

_ADDRESSES: Final = TableValues(
    name="address-values-valid",
    table="addresses",
    columns={
        "local": text(),
        "domain": text(),
        "written": text("local"),
        "account": optional(integer()),
        "group_id": optional(integer()),
        "kind": text(
            f"CASE WHEN account IS NOT NULL THEN '{ACCOUNT}' WHEN group_id IS NOT NULL THEN '{GROUP}'"
            f" ELSE '{ALIAS}' END",
            among=(ACCOUNT, ALIAS, GROUP),
        ),
        "may_send": integer(0, 1, f"kind = '{ACCOUNT}'"),
    },
    rule="An address is a text, and belongs to an account, an alias or a group.",
    named="quote(local), quote(domain)",
    message="address {0}@{1} has a text, kind or number of a wrong type",
    remedy="Give it the kind of what it belongs to. Without its text, it is dropped: add it again, if it is not the"
    " first one of its account, which is given back.",
)

_TARGETS: Final = TableValues(
    name="alias-target-values-valid",
    table="alias_targets",
    columns={
        "local": text(),
        "domain": text(),
        "target": Rule("typeof({0}) = 'text' AND instr({0}, '@') > 1", None),
        "position": integer(instead="rowid << 20"),
    },
    rule="The targets of an alias are texts.",
    named="quote(local), quote(domain), quote(target)",
    message="target {2} of alias {0}@{1} has a text or place of a wrong type",
    remedy="Drop a target that is no text: look at the alias, and set its targets.",
)

_GROUPS: Final = TableValues(
    name="group-values-valid",
    table="member_groups",
    columns={"id": integer(1, instead=_LOST_GROUP), "name": text("'group-' || id")},
    rule="The name of a group is a text.",
    named="id",
    message="group {0} has a name that is no text",
    remedy="Name it 'group-' and its number.",
)

_MEMBERS: Final = TableValues(
    name="group-member-values-valid",
    table="group_members",
    columns={"group_id": integer(), "account": integer()},
    rule="The members of a group are numbers of accounts.",
    named="CAST(group_id AS INTEGER), CAST(account AS INTEGER)",
    message="member {1} of group {0} is not a number",
    remedy="Drop the row: look at the group, and let who is missing join it.",
)

_DKIM_KEYS: Final = TableValues(
    name="dkim-key-values-valid",
    table="dkim_keys",
    columns={
        **dict.fromkeys(("domain", "selector", "algorithm", "pem"), text()),
        "state": text("'retired'", among=tuple(KeyState)),
        **dict.fromkeys(("made_at_ms", "since_ms"), date("0")),
    },
    rule="What is known of a signing key has its types.",
    named="quote(selector) || ' of ' || quote(domain)",
    message="signing key {0} has a part of a wrong type",
    remedy="Without name or key, it is dropped: make a new one (pillarbox dkim new). Without a state it is retired.",
)

_IDENTITIES: Final = TableValues(
    name="identity-values-valid",
    table="identities",
    columns={
        "account": integer(),
        **dict.fromkeys(("id", "email"), text()),
        **dict.fromkeys(("name", "text_signature", "html_signature"), text("''")),
        **dict.fromkeys(("reply_to", "bcc"), optional(text())),
        **dict.fromkeys(("created_modseq", "modseq"), integer(instead="1")),
        "destroyed": integer(0, 1, "0"),
    },
    rule="What is kept of an identity has its types.",
    named="CAST(account AS INTEGER), quote(email)",
    message="identity {1} of account {0} has a text or number of a wrong type",
    remedy="Leave the text out. Without its address, it is dropped.",
)

_IDENTITY_COUNTERS: Final = TableValues(
    name="identity-counter-values-valid",
    table="identity_counters",
    columns={
        "latest": integer(
            instead="coalesce((SELECT max(CAST(substr(i.id, 2) AS INTEGER)) FROM identities i"
            " WHERE i.account = identity_counters.account AND i.id NOT LIKE 'Id%'), 0)"
        ),
        "complete_from": integer(
            instead="coalesce((SELECT max(i.modseq) FROM identities i WHERE i.account = identity_counters.account), 0)"
        ),
    },
    rule="The counters of identities are numbers.",
    named="account",
    message="the number of the latest identity of account {0} is not a number",
    remedy="Continue above the highest.",
)

_VACATION_RESPONSES: Final = TableValues(
    name="vacation-response-values-valid",
    table="vacation_responses",
    columns={
        "enabled": integer(0, 1, "0"),
        **dict.fromkeys(("from_ms", "to_ms"), optional(date())),
        **dict.fromkeys(("subject", "text_body", "html_body"), optional(text())),
        "modseq": integer(instead="1"),
    },
    rule="What mail is answered with has its types.",
    named="account",
    message="the answer of account {0} for when its owner is away has a text or date of a wrong type",
    remedy="Leave it out. Without knowing whether it is on, it is off.",
)

_VACATION_SENDERS: Final = TableValues(
    name="vacation-sender-values-valid",
    table="vacation_senders",
    columns={"account": integer(), "sender": text(), "answered_at_ms": date()},
    rule="Who has had an answer is known by texts.",
    named="CAST(account AS INTEGER)",
    message="a sender whom account {0} has answered has a text or date of a wrong type",
    remedy="Forget that there was an answer.",
)

_ROLES: Final = TableValues(
    name="role-values-valid",
    table="roles",
    columns={
        "account": integer(),
        "role": text(among=tuple(Role)),
        "domain": text(),
        "granted_at_ms": date("0"),
    },
    rule="A role is one that there is.",
    named="CAST(account AS INTEGER)",
    message="a role of account {0} has a name, domain or date of a wrong type",
    remedy="Drop it: grant it again (pillarbox role grant). Only a date is left out.",
)

TABLES: Final[tuple[TableValues, ...]] = (
    _DOMAINS,
    _ACCOUNTS,
    _ISSUED,
    _ADDRESSES,
    _TARGETS,
    _GROUPS,
    _MEMBERS,
    _ROLES,
    _DKIM_KEYS,
    _IDENTITIES,
    _IDENTITY_COUNTERS,
    _VACATION_RESPONSES,
    _VACATION_SENDERS,
    *sign_in.TABLES,
)
INVARIANTS = tuple(values.invariant() for values in TABLES)
"""In the order of repair."""
