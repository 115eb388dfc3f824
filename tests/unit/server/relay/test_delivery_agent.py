"""From host to host: which hosts are tried, and each recipient's outcome."""

import pytest

from pillarbox.dns import Kind
from pillarbox.world.network import Endpoint
from pillarbox.world.network.memory import Fault
from tests.kit.smtp.peer import SILENCE
from tests.kit.smtp.relay import RelayProvider, run_with_relay, two_hosts


@pytest.mark.rfc("5321 §5.1", "MUST")
@pytest.mark.parametrize(
    "answers",
    [
        {"": "554 5.7.1 not you"},
        {"": "421 4.3.2 busy"},
        {"": None},
        {"": "hello"},
        {"": SILENCE},
        {"EHLO": "421 4.3.2 busy"},
        {"EHLO": "502 5.5.1 what?", "HELO": "550 5.7.1 no"},
        {"MAIL": "451 4.3.0 later"},
        {"RCPT": "450 4.2.1 later"},
        {"DATA": "451 4.3.0 later"},
        {".": "451 4.3.0 later"},
        {"MAIL": None},
        {"RCPT": "421 4.3.2 going"},
        {"DATA": "garbage"},
    ],
)
def test_if_the_first_host_defers_the_second_is_tried_in_the_same_attempt(
    answers: dict[str, str | None],
) -> None:
    async def test(provider: RelayProvider) -> None:
        first, second = two_hosts(provider, answers=answers)
        await provider.queue("a@two.example")
        await provider.pass_(400)
        assert (first.received, second.addresses) == ([], ["a@two.example"])
        assert (provider.waiting(), provider.inbox()) == ([], [])

    run_with_relay(test)


@pytest.mark.parametrize("fault", [Fault(refuses=True), Fault(silent=True)])
def test_without_an_answer_the_next_address_and_the_next_host_are_tried(fault: Fault) -> None:
    async def test(provider: RelayProvider) -> None:
        first, second = two_hosts(provider)
        provider.resolver.put("mx1.two.example", Kind.AAAA, "2001:db8::1")
        tried = []

        def faults(to: Endpoint) -> Fault:
            tried.append(to.address)
            return Fault() if tried[-1] == "192.0.2.2" else fault

        provider.network.faults = faults
        await provider.queue("a@two.example")
        await provider.pass_(65)
        assert tried == ["2001:db8::1", "192.0.2.1", "192.0.2.2"]
        assert (first.received, len(second.received)) == ([], 1)

    run_with_relay(test)


@pytest.mark.rfc("5321 §4.2.1", "MUST")
@pytest.mark.parametrize(
    "answers", [{"RCPT": "550 5.1.1 no"}, {"MAIL": "550 5.7.1 no"}, {".": "554 5.6.0 no"}]
)
def test_a_refusal_is_final_and_no_other_host_is_asked(answers: dict[str, str]) -> None:
    async def test(provider: RelayProvider) -> None:
        _, second = two_hosts(provider, answers=answers)
        await provider.queue("a@two.example")
        await provider.pass_(1)
        assert second.connections == 0
        assert [(action, status[0]) for _, action, status in provider.reported()] == [("failed", "5")]
        assert "mx1.two.example" in provider.inbox()[0].as_string()

    run_with_relay(test)


def test_a_destination_that_refuses_every_session_permanently_is_a_failure() -> None:
    async def test(provider: RelayProvider) -> None:
        provider.peer("two.example", "192.0.2.1", answers={"": "554 5.7.1 we take no mail from you"})
        await provider.queue("a@two.example")
        await provider.pass_(1)
        assert provider.reported() == [("a@two.example", "failed", "5.7.1")]
        assert "we take no mail from you" in provider.inbox()[0].as_string()

    run_with_relay(test)


@pytest.mark.rfc("5321 §4.5.3.2.6", "MUST")
def test_a_message_that_may_have_arrived_is_not_given_to_another_host_at_once() -> None:
    async def test(provider: RelayProvider) -> None:
        _, second = two_hosts(provider, answers={".": None})
        await provider.queue("a@two.example")
        await provider.pass_(10)
        assert (second.connections, provider.waiting()) == (0, ["a@two.example"])

    run_with_relay(test)


def test_one_attempt_offers_a_message_to_at_most_two_hosts() -> None:
    async def test(provider: RelayProvider) -> None:
        provider.mx("two.example", *(f"mx{number}.two.example" for number in range(5)))
        peers = [
            provider.peer(f"mx{number}.two.example", f"192.0.2.{number}", answers={"RCPT": "450 4.2.1 later"})
            for number in range(5)
        ]
        await provider.queue("a@two.example")
        await provider.pass_(10)
        assert [peer.connections for peer in peers] == [1, 1, 0, 0, 0]

    run_with_relay(test)
