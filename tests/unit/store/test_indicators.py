"""The images of senders that are kept."""

from collections.abc import Iterator
from hashlib import sha256

import pytest
from msgspec.structs import replace

from pillarbox.store import indicators
from pillarbox.store.indicators import CLAIMED_S, IMAGE_KEPT_S, MAX_OCTETS, MAX_ORGANIZATIONS, Known, Source
from pillarbox.store.schema import SCHEMA
from pillarbox.trust.bimi import MAX_IMAGE_OCTETS, Checked, Verdict
from pillarbox.trust.bimi.verdict import VALID_AFTER_FAILURE_S, VALID_S
from pillarbox.trust.results import Result
from pillarbox.world.database import Transaction
from tests.kit.database import open_transaction

NOW_S = 1_700_000_000
SOURCE = Source("https://two.example/logo.svg", "https://two.example/mark.pem", "roots")


def shown(image: bytes, *, now_s: int = NOW_S) -> Checked:
    verdict = Verdict(
        digest=sha256(image).hexdigest(),
        authority=Result.PASS,
        names=("two.example", "default._bimi.two.example"),
        until_s=now_s + VALID_S,
    )
    return Checked(verdict, image)


def failed(*, now_s: int = NOW_S) -> Checked:
    return Checked(Verdict(problem="no answer", until_s=now_s + VALID_AFTER_FAILURE_S))


@pytest.fixture
def tx() -> Iterator[Transaction]:
    with open_transaction(SCHEMA) as tx:
        yield tx


@pytest.mark.parametrize("checked", [shown(b"<svg/>"), failed()])
def test_what_is_kept_is_known(tx: Transaction, checked: Checked) -> None:
    assert indicators.known(tx, "two.example") is None
    indicators.keep(tx, "two.example", SOURCE, shown(b"before"), now_s=NOW_S)
    indicators.keep(tx, "two.example", SOURCE, checked, now_s=NOW_S)
    assert indicators.known(tx, "two.example") == Known(SOURCE, checked.verdict)
    assert indicators.known(tx, "three.example") is None


def test_an_image_is_found_by_its_hash(tx: Transaction) -> None:
    one, other = shown(b"one"), shown(b"other")
    indicators.keep(tx, "two.example", SOURCE, one, now_s=NOW_S)
    assert indicators.image(tx, "two.example", one.verdict.digest) == b"one"
    assert indicators.image(tx, "two.example", other.verdict.digest) is None
    assert indicators.image(tx, "three.example", one.verdict.digest) is None
    indicators.keep(tx, "two.example", SOURCE, other, now_s=NOW_S)
    assert indicators.image(tx, "two.example", one.verdict.digest) is None
    assert indicators.image(tx, "two.example", other.verdict.digest) == b"other"


def test_an_image_outlives_a_failure_to_fetch_it_again(tx: Transaction) -> None:
    one, later_s = shown(b"one"), NOW_S + VALID_S
    indicators.keep(tx, "two.example", SOURCE, one, now_s=NOW_S)
    indicators.keep(tx, "two.example", SOURCE, failed(now_s=later_s), now_s=later_s)
    assert indicators.image(tx, "two.example", one.verdict.digest) == b"one"
    known = indicators.known(tx, "two.example")
    assert known
    assert (known.verdict.problem, known.verdict.digest) == ("no answer", "")


def test_an_organization_without_an_image_has_none(tx: Transaction) -> None:
    indicators.keep(tx, "two.example", SOURCE, failed(), now_s=NOW_S)
    assert indicators.claim(tx, "three.example", SOURCE, now_s=NOW_S)
    assert indicators.image(tx, "two.example", "") is None
    assert indicators.image(tx, "three.example", "") is None


def test_one_fetches_and_others_leave_it_to_it_for_a_while(tx: Transaction) -> None:
    def claims(now_s: int, source: Source = SOURCE) -> bool:
        return indicators.claim(tx, "two.example", source, now_s=now_s)

    assert claims(NOW_S)
    assert not claims(NOW_S)
    assert not claims(NOW_S + CLAIMED_S - 1)
    assert claims(NOW_S + CLAIMED_S), "it has not come back"
    indicators.keep(tx, "two.example", SOURCE, shown(b"one"), now_s=NOW_S)
    assert not claims(NOW_S + VALID_S - 1)
    assert not claims(NOW_S + VALID_S - 1, replace(SOURCE, location="https://two.example/other.svg"))
    assert claims(NOW_S + VALID_S - 1, replace(SOURCE, roots="others")), "others are believed now"
    assert claims(NOW_S + VALID_S + CLAIMED_S)
    known = indicators.known(tx, "two.example")
    assert known
    assert known.verdict == shown(b"one").verdict, "what was known stays until there is more"


def test_what_a_clock_wrote_that_went_wrong_does_not_hold(tx: Transaction) -> None:
    indicators.keep(tx, "two.example", SOURCE, shown(b"one"), now_s=NOW_S)
    assert indicators.claim(tx, "two.example", SOURCE, now_s=NOW_S - 10 * VALID_S)
    assert indicators.claim(tx, "two.example", SOURCE, now_s=NOW_S - 20 * VALID_S)


def test_what_is_over_is_forgotten(tx: Transaction) -> None:
    indicators.keep(tx, "old.example", SOURCE, shown(b"one"), now_s=NOW_S)
    indicators.keep(tx, "failed.example", SOURCE, failed(), now_s=NOW_S)
    later_s = NOW_S + VALID_S
    indicators.keep(tx, "new.example", SOURCE, failed(now_s=later_s), now_s=later_s)
    assert indicators.known(tx, "failed.example") is None
    assert indicators.known(tx, "old.example")
    later_s = NOW_S + IMAGE_KEPT_S + 1
    assert indicators.claim(tx, "new.example", SOURCE, now_s=later_s)
    assert indicators.known(tx, "old.example") is None
    assert indicators.known(tx, "new.example")


def test_who_fetches_again_does_not_forget_it_meanwhile(tx: Transaction) -> None:
    indicators.keep(tx, "two.example", SOURCE, failed(), now_s=NOW_S)
    later_s = NOW_S + VALID_S
    assert indicators.claim(tx, "two.example", SOURCE, now_s=later_s)
    assert not indicators.claim(tx, "two.example", SOURCE, now_s=later_s)


def test_organizations_have_a_limit(tx: Transaction) -> None:
    row = "(?, '', '', '', '', 'none', '', 0, 0, ?, '', 0, x'')"
    tx.execute_many(
        f"INSERT INTO indicators VALUES {row}",
        [(f"{number}.example", NOW_S + number) for number in range(1, MAX_ORGANIZATIONS + 1)],
    )
    indicators.keep(tx, "two.example", SOURCE, shown(b"one"), now_s=NOW_S)
    assert tx.value("SELECT count(*) FROM indicators") == MAX_ORGANIZATIONS
    assert indicators.known(tx, "1.example") is None, "it would have gone first"
    assert indicators.known(tx, "2.example")
    assert indicators.known(tx, "two.example")


def test_octets_have_a_limit(tx: Transaction) -> None:
    for number in range(MAX_OCTETS // MAX_IMAGE_OCTETS + 2):
        image = bytes(MAX_IMAGE_OCTETS)
        indicators.keep(tx, f"{number}.example", SOURCE, shown(image), now_s=NOW_S + number)
    assert tx.value("SELECT sum(octets) FROM indicators") == MAX_OCTETS
    assert tx.value("SELECT sum(length(image)) FROM indicators") == MAX_OCTETS
    assert indicators.known(tx, "1.example") is None
    assert indicators.known(tx, "2.example")


@pytest.mark.parametrize("damage", ["location = x'ff'", "until_s = 'zz'", "digest = x'ff'", "names = x'ff'"])
def test_a_damaged_row_counts_as_none(tx: Transaction, damage: str) -> None:
    indicators.keep(tx, "two.example", SOURCE, shown(b"one"), now_s=NOW_S)
    tx.execute(f"UPDATE indicators SET {damage}")
    assert indicators.known(tx, "two.example") is None
    assert indicators.claim(tx, "two.example", SOURCE, now_s=NOW_S)
    indicators.keep(tx, "two.example", SOURCE, shown(b"two"), now_s=NOW_S)
    assert indicators.known(tx, "two.example")
