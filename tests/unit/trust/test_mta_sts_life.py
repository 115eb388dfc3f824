"""How a policy is found, kept, renewed and lost; and that the DNS cannot take it away."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.dns import Answer, Failure, Kind, NoData, NxDomain, Outcome
from pillarbox.trust.mta_sts import KnownPolicy, Mode, StsPolicy, current_policy, policy_text, usable_policy
from pillarbox.trust.mta_sts.life import REFRESH_S, RETRY_S
from pillarbox.trust.questions import Fetch, FetchFailed, Page
from pillarbox.trust.tls_result import TlsResult
from tests.kit.asking import Answers

NOW_S = 1_700_000_000
WEEK_S = 604_800
URL = "https://mta-sts.two.example/.well-known/mta-sts.txt"
OLD = StsPolicy(Mode.ENFORCE, ("mx.two.example",), WEEK_S)
NEW = StsPolicy(Mode.ENFORCE, ("mx2.two.example",), WEEK_S)
KNOWN = KnownPolicy(OLD, "1", NOW_S, NOW_S, "1")


def page(policy: StsPolicy, media_type: str = "text/plain") -> Page:
    return Page(media_type, policy_text(policy).encode())


def ask(
    known: KnownPolicy | None,
    now_s: int = NOW_S,
    *,
    identity: str | None = "1",
    found: Page | FetchFailed | None = None,
    **more: Any,
) -> tuple[KnownPolicy | None, int]:
    """What is known then, and how often the web was asked."""
    zone = {("_mta-sts.two.example", Kind.TXT): [f"v=STSv1; id={identity};".encode()]} if identity else {}
    answers = Answers(zone, {URL: found} if found else {})
    after = answers.to(current_policy("two.example", known, now_s, **more))
    return after, sum(isinstance(one, Fetch) for one in answers.asked)


# --- found and kept


@pytest.mark.rfc("8461 §3.3", "MUST")
def test_a_policy_is_fetched_where_there_is_a_record() -> None:
    known, fetches = ask(None, found=page(OLD))
    assert (known, fetches) == (KNOWN, 1)
    assert usable_policy(known, NOW_S) == OLD


@pytest.mark.rfc("8461 §3.2", "SHOULD")
@pytest.mark.parametrize("max_age_s", [0, 1, 60])
def test_a_policy_of_a_short_life_is_fetched_anew_when_it_is_over(max_age_s: int) -> None:
    """Or its domain would have none for the rest of the time between two fetches."""
    short = StsPolicy(Mode.ENFORCE, ("mx.two.example",), max_age_s)
    known, _ = ask(None, found=page(short))
    later = NOW_S + max_age_s + 1
    again, fetches = ask(known, later, found=page(short))
    assert (usable_policy(again, later), fetches) == (short, 1)
    gone, _ = ask(known, later, found=FetchFailed("refused", "connect"))
    assert ask(gone, later + 1, found=page(short))[1] == 0
    assert ask(gone, later + RETRY_S, found=page(short))[1] == 1


def test_without_record_nothing_is_fetched() -> None:
    assert ask(None, identity=None, found=page(OLD)) == (None, 0)


def test_what_is_known_is_not_fetched_again() -> None:
    known, fetches = ask(KNOWN, NOW_S + REFRESH_S - 1, found=page(NEW))
    assert known is KNOWN
    assert fetches == 0


@pytest.mark.rfc("8461 §3.3", "MUST NOT")
def test_the_fetch_has_limits_and_follows_no_redirect() -> None:
    answers = Answers({("_mta-sts.two.example", Kind.TXT): [b"v=STSv1; id=1"]})
    answers.to(current_policy("two.example", None, NOW_S))
    assert answers.asked[-1] == Fetch(URL, max_octets=65_536, timeout_s=60, max_redirects=0)


@pytest.mark.rfc("8461 §3.3", "MUST")
@pytest.mark.parametrize(
    ("found", "failure"),
    [
        (FetchFailed("refused", "connect"), TlsResult.STS_POLICY_FETCH_ERROR),
        (FetchFailed("404", "status"), TlsResult.STS_POLICY_FETCH_ERROR),
        (FetchFailed("expired", "tls"), TlsResult.STS_WEBPKI_INVALID),
        (page(OLD, "text/html"), TlsResult.STS_POLICY_INVALID),
        (Page("text/plain", b"nothing"), TlsResult.STS_POLICY_INVALID),
    ],
)
def test_without_policy_mail_goes_as_if_there_was_no_record(
    found: Page | FetchFailed, failure: TlsResult
) -> None:
    known, _ = ask(None, found=found)
    assert known
    assert known.failure is failure
    assert usable_policy(known, NOW_S) is None
    # RFC 8461 §3.3: not again for five minutes, unless there is another id
    assert ask(known, NOW_S + RETRY_S - 1, found=page(OLD)) == (known, 0)
    assert ask(known, NOW_S + RETRY_S, found=page(OLD))[1] == 1
    assert ask(known, NOW_S + 1, identity="2", found=page(OLD))[1] == 1


# --- renewed


@pytest.mark.rfc("8461 §3.1", "MUST")
def test_another_id_has_the_policy_fetched_again() -> None:
    known, fetches = ask(KNOWN, NOW_S + 10, identity="2", found=page(NEW))
    assert fetches == 1
    assert known == KnownPolicy(NEW, "2", NOW_S + 10, NOW_S + 10, "2")


@pytest.mark.rfc("8461 §3.3", "SHOULD")
@pytest.mark.parametrize(("life_s", "after_s"), [(WEEK_S, REFRESH_S), (3600, 1800)])
@pytest.mark.parametrize("identity", ["1", None])
def test_it_is_renewed_before_its_time_is_over(life_s: int, after_s: int, identity: str | None) -> None:
    """Also where the DNS denies the record: otherwise who lies there had only to wait."""
    policy = StsPolicy(Mode.ENFORCE, OLD.mx, life_s)
    known = KnownPolicy(policy, "1", NOW_S, NOW_S, "1")
    then_s = NOW_S + after_s
    assert ask(known, then_s - 1, identity=identity, found=page(policy))[1] == 0
    renewed, fetches = ask(known, then_s, identity=identity, found=page(policy))
    assert fetches == 1
    assert renewed == KnownPolicy(policy, "1", then_s, then_s, "1")


def test_a_renewal_that_fails_is_tried_again_and_the_policy_kept() -> None:
    failed, _ = ask(KNOWN, NOW_S + REFRESH_S, found=FetchFailed("refused", "connect"))
    assert failed
    assert usable_policy(failed, NOW_S + REFRESH_S) == OLD
    assert failed.failure is TlsResult.STS_POLICY_FETCH_ERROR
    assert ask(failed, NOW_S + REFRESH_S + 1, found=page(NEW))[1] == 0
    assert ask(failed, NOW_S + REFRESH_S + RETRY_S, found=page(NEW))[1] == 1


@pytest.mark.rfc("8461 §5", "MUST NOT")
def test_hosts_that_do_not_match_have_the_policy_fetched_again() -> None:
    """Its owner has moved and forgotten to change the id."""
    then_s = NOW_S + RETRY_S
    assert ask(KNOWN, then_s - 1, unlike_mx=True, found=page(NEW))[1] == 0
    known, fetches = ask(KNOWN, then_s, unlike_mx=True, found=page(NEW))
    assert fetches == 1
    assert usable_policy(known, then_s) == NEW
    # The DNS lied, and the policy is what it was: not again for five minutes
    same, _ = ask(KNOWN, then_s, unlike_mx=True, found=page(OLD))
    assert ask(same, then_s + RETRY_S - 1, unlike_mx=True, found=page(OLD))[1] == 0


# --- lost


def test_it_is_lost_when_its_time_is_over() -> None:
    assert usable_policy(KNOWN, NOW_S + WEEK_S) == OLD
    assert usable_policy(KNOWN, NOW_S + WEEK_S + 1) is None
    known, _ = ask(KNOWN, NOW_S + WEEK_S + 1, found=FetchFailed("refused", "connect"))
    assert known
    assert known.policy is None


def test_a_clock_that_was_set_back_ends_nothing() -> None:
    assert usable_policy(KNOWN, NOW_S - 10 * WEEK_S) == OLD
    assert ask(KNOWN, NOW_S - 10 * WEEK_S, found=page(NEW))[0] is not None


@pytest.mark.rfc("8461 §8.3", "MUST")
def test_its_owner_ends_it_on_the_web() -> None:
    over = StsPolicy(Mode.NONE, (), 86_400)
    known, _ = ask(KNOWN, NOW_S + 1, identity="2", found=page(over))
    assert usable_policy(known, NOW_S + 1) is None


LIES: st.SearchStrategy[Outcome[Any]] = st.one_of(
    st.just(Failure("no answer")),
    st.just(NoData(1)),
    st.just(NxDomain(1)),
    st.lists(
        st.binary(max_size=20) | st.from_regex(rb"\Av=STSv1; id=[a-z0-9]{1,5}\Z"), min_size=1, max_size=3
    ).map(lambda texts: Answer(tuple(texts), 1)),
)
FAKES = st.one_of(
    st.builds(FetchFailed, st.just("no"), st.sampled_from(["dns", "connect", "tls", "status", "timeout"])),
    st.builds(Page, st.sampled_from(["text/html", ""]), st.just(policy_text(NEW).encode())),
    st.builds(Page, st.just("text/plain"), st.binary(max_size=20)),
)


@pytest.mark.rfc("8461 §3.3", "MUST")
@given(
    steps=st.lists(st.tuples(st.integers(0, WEEK_S), LIES, FAKES, st.booleans()), min_size=1, max_size=8).map(
        lambda steps: sorted(steps, key=lambda step: step[0])
    )
)
def test_nothing_but_another_policy_from_the_web_ends_it_in_its_time(
    steps: list[tuple[int, Outcome[Any], Page | FetchFailed, bool]],
) -> None:
    known: KnownPolicy | None = KNOWN
    for after_s, lie, fake, unlike_mx in steps:
        answers = Answers({("_mta-sts.two.example", Kind.TXT): lie}, {URL: fake})
        known = answers.to(current_policy("two.example", known, NOW_S + after_s, unlike_mx=unlike_mx))
        assert usable_policy(known, NOW_S + after_s) == OLD
