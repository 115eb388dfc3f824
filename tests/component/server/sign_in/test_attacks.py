"""The table of attacks: each is refused, and the same without the attack is let in.

More of their kind: the scope of app passwords at every door (`test_app_passwords`), the own password beside a second
factor (`test_second_factor_logins`), requests of other sites (`test_other_sites`), what a failed login costs whoever
it is for (`tests/unit/server/login/test_login_costs.py`), 1000 logins at once (`tests/blocking/cases/logins.py`).
"""

import pytest

from tests.component.server.sign_in import (
    attacks_by_programs,
    attacks_by_sites,
    attacks_on_factors,
    attacks_on_passkeys,
    attacks_on_sessions,
)
from tests.kit.attack import Attack, attacked

KINDS = (attacks_by_programs, attacks_on_sessions, attacks_on_factors, attacks_on_passkeys, attacks_by_sites)
ATTACKS = [attack for kind in KINDS for attack in kind.ATTACKS]


@pytest.mark.parametrize("row", ATTACKS, ids=lambda row: row.name)
def test_it_is_refused(row: Attack) -> None:
    with attacked() as place:
        got = row.attack(place)
    assert got.startswith(row.refused), got


@pytest.mark.parametrize("row", ATTACKS, ids=lambda row: row.name)
def test_the_same_without_the_attack_is_let_in(row: Attack) -> None:
    with attacked() as place:
        got = row.honest(place)
    assert got.startswith(row.let_in), got
