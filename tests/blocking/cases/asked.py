"""What the attacker's DNS says to SPF, DMARC, and whoever else asks for his mail."""

import struct
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any, Final

from pillarbox.dns import Kind
from tests.blocking.case import Case, judged
from tests.blocking.target import Target
from tests.blocking.wire import SMTP_REPLY
from tests.kit.name_server import NameServer, address, mail_exchanger, name_octets, record, text

DOMAIN: Final = "asked.example"
SENDER: Final = f"a@{DOMAIN}"
SHORT: Final = f"From: a@{DOMAIN}\r\nSubject: asked\r\n\r\nshort\r\n".encode()
REVERSE: Final = "1.0.0.127.in-addr.arpa"
"""Where the names of the attacker's address are."""
LATE_S: Final = 1.5
WIDE: Final = b"v=spf1 " + b" ".join([b"a:a.b.c/24"] * 511)
LONG_LOCAL: Final = "a-" * 30 + "a"


def includes(names: NameServer) -> None:
    """Records that include ten others each, three levels deep."""
    for name in (DOMAIN, *(f"i{first}.{DOMAIN}" for first in range(10))):
        of = b" ".join([b"include:i%d.%b" % (number, name.encode()) for number in range(10)])
        names.put(name, Kind.TXT, text(b"v=spf1 %b -all" % of))


def wide_includes(names: NameServer) -> None:
    """Two records of 8 KiB."""
    networks = b" ".join([b"ip4:10.%d.%d.0" % divmod(number, 250) for number in range(500)])
    names.put(DOMAIN, Kind.TXT, text(b"v=spf1 include:i.%b %b" % (DOMAIN.encode(), networks)))
    names.put(f"i.{DOMAIN}", Kind.TXT, text(b"v=spf1 " + networks))


def terms(names: NameServer) -> None:
    """Thousands of terms, in 64 KB."""
    names.put(DOMAIN, Kind.TXT, text(b"v=spf1 " + b" ".join([b"ip4:10.0.0.1"] * 4800)))


def fitting_terms(names: NameServer) -> None:
    """As many terms as fit."""
    names.put(DOMAIN, Kind.TXT, text(WIDE))


def waiting_terms(names: NameServer) -> None:
    """As many terms as fit behind one that takes long."""
    names.put(DOMAIN, Kind.TXT, text(b"v=spf1 exists:late.example " + b" ".join([b"a:a.b.c/24"] * 500)))
    names.delay("late.example", LATE_S)


def macros(names: NameServer) -> None:
    """Names that are made of all of a local part, again and again."""
    long = b"%{l1r-}.%{l2r-}.%{s}" * 20
    names.put(DOMAIN, Kind.TXT, text(b"v=spf1 " + b" ".join([b"exists:%b.x.example" % long] * 10)))


def client_names(names: NameServer) -> None:
    """A client with a hundred names."""
    names.put(DOMAIN, Kind.TXT, text(b"v=spf1 ptr ptr:a.example exists:%{p}.a.example -all"))
    names.put(REVERSE, Kind.PTR, *[name_octets(f"n{number}.{DOMAIN}") for number in range(100)])
    for number in range(100):
        names.put(f"n{number}.{DOMAIN}", Kind.A, *[address(f"10.0.{number}.{last}") for last in range(200)])


def exchangers(names: NameServer) -> None:
    """A hundred mail exchangers."""
    names.put(DOMAIN, Kind.TXT, text(b"v=spf1 mx -all"))
    names.put(DOMAIN, Kind.MX, *[mail_exchanger(1, f"m{number}.{DOMAIN}") for number in range(100)])


def ten_exchangers(names: NameServer) -> None:
    """Ten times ten mail exchangers of hundreds of addresses each."""
    own = DOMAIN.encode()
    names.put(DOMAIN, Kind.TXT, text(b"v=spf1 %b" % b" ".join([b"mx:%d.%b" % (n, own) for n in range(10)])))
    for number in range(10):
        hosts = [f"m{number}-{other}.{DOMAIN}" for other in range(10)]
        names.put(f"{number}.{DOMAIN}", Kind.MX, *[mail_exchanger(1, host) for host in hosts])
        for host in hosts:
            names.put(host, Kind.A, *[address(f"10.{number}.{a}.{b}") for a in range(2) for b in range(240)])


def aliases(names: NameServer) -> None:
    """64 KB of names that point to names that point to names."""
    one = record(Kind.CNAME, b"\1a\xc0\x0c", b"\1a\xc0\x0c")
    names.put_octets(DOMAIN, Kind.TXT, 3500, one * 3500)
    names.put_octets(DOMAIN, Kind.MX, 450, one * 450)


def loops(names: NameServer) -> None:
    """Names that point to themselves, and to each other."""
    here = 12 + len(name_octets(DOMAIN)) + 4
    to_itself = struct.pack("!H", 0xC000 | here)
    names.put_octets(DOMAIN, Kind.TXT, 1, record(Kind.TXT, text(b"v=spf1 -all"), to_itself))
    names.put_octets(DOMAIN, Kind.MX, 2, record(Kind.CNAME, b"\xc0\x0c") * 2)


def odd_names(names: NameServer) -> None:
    """16 KB of names, all of whose octets have to be escaped."""
    names.put(DOMAIN, Kind.TXT, text(b"v=spf1 ptr -all"))
    names.put(REVERSE, Kind.PTR, *[(b"\1\1" * 126) + b"\0"] * 60)
    names.put(DOMAIN, Kind.MX, *[b"\0\1" + (b"\1\1" * 126) + b"\0"] * 60)


def odd_names_of_many(names: NameServer) -> None:
    """The same for 200 domains, over TCP."""
    for number in range(200):
        names.put(f"n{number}.{DOMAIN}", Kind.MX, *[b"\0\1" + (b"\1\1" * 126) + b"\0"] * 60)


def long_policies(names: NameServer) -> None:
    """A DMARC record of 64 KB, and one of 8 KiB above it."""
    targets = b",".join([b"mailto:a@b.example"] * 3000)
    names.put(f"_dmarc.{DOMAIN}", Kind.TXT, text(b"v=DMARC1; p=reject; rua=" + targets))
    names.put("_dmarc.example", Kind.TXT, text(b"v=DMARC1; p=reject; rua=" + targets[:8000]))


def sent(
    target: Target,
    *,
    say: Callable[[NameServer], None],
    message: bytes = SHORT,
    sender: str = SENDER,
    sessions: int = 1,
    late: str = DOMAIN,
    late_s: float = 0,
) -> str:
    """Mail from a domain of which the name server says this."""
    say(target.names)
    target.names.delay(f"_dmarc.{DOMAIN}", 0)
    target.names.delay(late, late_s)
    target.deliver_at_once(message, sessions, sender=sender)
    return target.verdicts


def silence(target: Target) -> str:
    """Sessions that wait at MAIL for a name server which never answers, and one from a domain that is in order."""
    target.names.silence(DOMAIN)
    target.names.put("healthy.example", Kind.TXT, text(b"v=spf1 +all"))
    with ExitStack() as stack:
        for number in range(200):
            wire = stack.enter_context(target.smtp())
            wire.exchange(f"MAIL FROM:<a@n{number}.{DOMAIN}>\r\n".encode(), SMTP_REPLY)
        began = time.monotonic()
        target.deliver(b"From: a@healthy.example\r\n\r\nx", sender="a@healthy.example")
        return f"other mail after {time.monotonic() - began:.1f} s: {target.verdicts}"


_TERMS: Final = "10 terms that ask; 8 KiB and 512 terms, 16 KiB in all"
_AT_ONCE: Final = "records that are waited for are not kept; 2 ms at once"
_NAMES: Final = "10 names, 10 hosts of each `mx`"
_ANSWER: Final = "500 records, 2,500 labels, 16 KiB"
_POLICY: Final = "8 KiB"


def _case(name: str, limit: str, say: Callable[[NameServer], None], **how: Any) -> Case:
    return Case(name, limit, partial(sent, say=say, **how))


CASES: Final = judged((
    _case("SPF records that include ten others each", _TERMS, includes),
    _case("an SPF record of 4,800 terms, in 64 KB", _TERMS, terms),
    _case("SPF records of 8 KiB in 200 sessions, which come at once", _AT_ONCE, wide_includes,
          sessions=200, late=f"i.{DOMAIN}", late_s=LATE_S),
    _case("an SPF record of 511 terms in 400 sessions, which comes at once", _AT_ONCE, fitting_terms,
          sessions=400, late_s=LATE_S),
    _case("500 checks of SPF that wait within records of 8 KiB", _AT_ONCE, waiting_terms, sessions=500),
    _case("SPF macros of a long local part, in 50 sessions", "253 octets of a name", macros,
          sender=f"{LONG_LOCAL}@{DOMAIN}", sessions=50),
    _case("SPF for a client with 100 names of 200 addresses, in 50 sessions", _NAMES, client_names, sessions=50),
    _case("SPF of 100 mail exchangers, in 50 sessions", _NAMES, exchangers, sessions=50),
    _case("SPF of 10 times 10 mail exchangers of 480 addresses", _NAMES, ten_exchangers, sessions=50),
    _case("64 KB of aliases in an answer, in 50 sessions", _ANSWER, aliases, sessions=50),
    _case("names in an answer that point to themselves", "names point backwards only", loops, sessions=50),
    _case("16 KB of names to be escaped in an answer", _ANSWER, odd_names, sessions=50),
    _case("200 such answers at once", _ANSWER + "; 2 ms at once", odd_names_of_many,
          sender=f"a@n{{}}.{DOMAIN}", sessions=200, late_s=0.7),
    _case("DMARC records of 64 KB and 8 KiB in 200 sessions, which come at once", _POLICY, long_policies,
          sessions=200, late=f"_dmarc.{DOMAIN}", late_s=LATE_S),
    Case("200 sessions at MAIL whose name server is silent", "50 questions ahead of need", silence),
))  # fmt: skip
