"""Fuzz the reading of messages: structure, header, text, preview, mbox.

`python tests/fuzz/fuzz_part.py --runs 100000` from the checkout.
"""

import sys
from pathlib import Path

# Run as a script, only this folder is on the path.
sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from pillarbox.mail import mbox
from tests.fuzz import harness
from tests.kit.mail.invariants import check_message
from tests.kit.paths import CORPORA

_OWN_SEEDS = (
    b"",
    b"Subject: x\r\n\r\nbody\r\n",
    b"""\
Content-Type: multipart/mixed; boundary=b

--b

one
--b
Content-Type: message/rfc822

Content-Type: multipart/digest; boundary=b

--b

Subject: y

z
--b--
--b--
""",
    b"""\
Content-Type: text/html; charset*0=utf-; charset*1*=%38
Content-Transfer-Encoding: quoted-printable
Subject: =?iso-2022-jp?B?GyRCJCIbKEI=?= =?utf-8?Q?=C3?=

<style>x</style><p>=C3=A9 &amp;</p>
""",
    b"""\
From a Tue Jul 23 19:39:23 2002
Content-Type: message/rfc822
Content-Transfer-Encoding: base64

U3ViamVjdDogeA0KDQppbm5lcg==

From b Tue Jul 23 19:39:23 2002
Content-Type: text/plain; charset=utf-7
Content-Transfer-Encoding: x-uuencode

>From x
begin 644 x
#0V%T
`
end
""",
)


def seeds() -> list[bytes]:
    """Small messages of our own, and the public malformed ones where they are."""
    malformed = CORPORA / "mail-parser" / "eml" / "malformed"
    return [*_OWN_SEEDS, *(path.read_bytes() for path in sorted(malformed.glob("*.eml")))]


def target(octets: bytes) -> None:
    check_message(octets)
    half = len(octets) // 2
    assert list(mbox.messages([octets[:half], octets[half:]])) == list(mbox.messages([octets]))


if __name__ == "__main__":
    harness.main(target, seeds())
