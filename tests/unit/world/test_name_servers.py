"""Which name servers are asked, in which order, and whose word counts."""

from pillarbox.world.resolver.servers import (
    MAX_PAUSE_S,
    PAUSE_S,
    SILENCES,
    NameServer,
    NameServers,
)

LOCAL, OTHER = NameServer("127.0.0.1"), NameServer("127.0.0.2")
FAR = NameServer("192.0.2.53")


class Time:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def silent(servers: NameServers, server: NameServer, times: int = SILENCES) -> None:
    for _ in range(times):
        servers.was_silent(server)


def order(servers: NameServers) -> list[NameServer]:
    return list(servers.in_order()[0])


def test_a_silent_server_is_asked_last_for_a_while() -> None:
    now = Time()
    servers = NameServers([LOCAL, OTHER], trust_ad=None, now=now)
    assert order(servers) == [LOCAL, OTHER]
    silent(servers, LOCAL, SILENCES - 1)
    assert order(servers) == [LOCAL, OTHER]
    silent(servers, LOCAL, 1)
    assert order(servers) == [OTHER, LOCAL]
    now.seconds += PAUSE_S
    assert order(servers) == [LOCAL, OTHER], "one lookup tries it"
    assert order(servers) == [OTHER, LOCAL], "and those beside it do not"
    now.seconds += 2 * PAUSE_S - 1
    assert order(servers) == [OTHER, LOCAL]
    now.seconds += 1
    assert order(servers) == [LOCAL, OTHER]
    servers.answered(LOCAL)
    assert [order(servers) for _ in range(3)] == [[LOCAL, OTHER]] * 3


def test_pauses_have_a_limit() -> None:
    now = Time()
    servers = NameServers([LOCAL, OTHER], trust_ad=None, now=now)
    silent(servers, LOCAL)
    for _ in range(10):
        now.seconds += MAX_PAUSE_S
        assert order(servers)[0] == LOCAL


def test_an_answer_in_between_forgets_the_silences() -> None:
    servers = NameServers([LOCAL, OTHER], trust_ad=None, now=Time())
    for _ in range(5):
        silent(servers, LOCAL, SILENCES - 1)
        servers.answered(LOCAL)
    assert order(servers) == [LOCAL, OTHER]


def test_where_all_are_silent_all_are_asked() -> None:
    servers = NameServers([LOCAL, OTHER], trust_ad=None, now=Time())
    silent(servers, LOCAL)
    silent(servers, OTHER)
    assert servers.in_order() == ([LOCAL, OTHER], False)


def test_beside_trusted_servers_no_others_are_asked() -> None:
    servers = NameServers([FAR, LOCAL], trust_ad=None, now=Time())
    assert order(servers) == [LOCAL]
    assert servers.trusts(LOCAL)
    assert not servers.trusts(FAR)
    silent(servers, LOCAL)
    assert order(servers) == [LOCAL]
    servers.deceptive = frozenset({LOCAL})
    assert order(servers) == [FAR, LOCAL]
    assert not servers.trusts(LOCAL)


def test_the_operator_says_whom_to_trust() -> None:
    assert order(NameServers([FAR, LOCAL], trust_ad=True, now=Time())) == [FAR, LOCAL]
    assert not NameServers([FAR, LOCAL], trust_ad=False, now=Time()).trusts(LOCAL)
