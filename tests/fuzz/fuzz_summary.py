"""Fuzz what is rendered of a message, and the readers of addresses, dates, ids and names behind it.

`python tests/fuzz/fuzz_summary.py --runs 100000` from the checkout.
"""

import sys
from pathlib import Path

# Run as a script, only this folder is on the path.
sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from pillarbox.mail.address_list import parse_address_list
from pillarbox.mail.address_tokens import parse_tokens
from pillarbox.mail.date import parse_any, parse_sent
from pillarbox.mail.mailbox_name import InvalidMailboxName, decode, encode
from pillarbox.mail.threading import message_ids
from tests.fuzz import harness
from tests.kit.mail.rendering import check_rendering
from tests.kit.paths import CORPORA

_OWN_SEEDS = (
    b"",
    b"""\
From: Joe Q. Public <john.q.public@example.com>, "Giant; \\"Big\\" Box" <s@example.net> (comment (nested))
Sender: =?utf-8?q?J=C3=BCrgen,?= <@a,@b:j@x>
To: A Group: Ed Jones <joe@where.test>, one@y.test;, undisclosed-recipients:;
Date: Thu, 13 Feb 1969 23:32 -0330 (Newfoundland Time)
Subject: [list] Re[2]: [fwd: =?utf-8?B?R3LDvMOfZQ==?= (fwd)]
Message-ID: <"a b"@c>
References: <a@b> phrase <c@d>
Content-Disposition: attachment; filename*0*=utf-8''%C3%A4; filename*1="b c"
Content-Language: en, de (German)
Content-Location: (before) http://x.test/
Content-Type: text/plain; name="x"

body
""",
    b"""\
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: message/rfc822

Subject: inner
From: x

--b
Content-Type: multipart/alternative; boundary=c

--b--
""",
    b"&U,BTF2XlZyyKng-/&-x",
)


def seeds() -> list[bytes]:
    """Small messages of our own, and the public malformed ones where they are."""
    malformed = CORPORA / "mail-parser" / "eml" / "malformed"
    return [*_OWN_SEEDS, *(path.read_bytes() for path in sorted(malformed.glob("*.eml")))]


def target(octets: bytes) -> None:
    """A whole message; and its first line, as each of the small readers may meet it."""
    check_rendering(octets)
    line = octets.partition(b"\n")[0]
    assert parse_address_list(line) == parse_tokens(line)
    assert parse_sent(line) == parse_any(line)
    message_ids(line)
    try:
        assert encode(decode(line, utf8=False), utf8=False) == line
    except InvalidMailboxName:
        pass


if __name__ == "__main__":
    harness.main(target, seeds())
