"""Fuzz what reads short things that others wrote: replies, SASL responses, mbox files, values of fields.

`python tests/fuzz/fuzz_small_parsers.py --runs 100000` from the checkout.
"""

import sys
from pathlib import Path

# Run as a script, only this folder is on the path.
sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from pillarbox.mail import (
    address_list,
    date,
    disposition_reading,
    disposition_request,
    encoded_word,
    mbox,
    parameter,
    subject,
    threading,
)
from pillarbox.mail.header import Header
from pillarbox.protocol.sasl import mechanisms
from pillarbox.protocol.sasl.exchange import Challenge
from pillarbox.protocol.smtp.client.envelope import Envelope, Recipient
from pillarbox.protocol.smtp.client.events import Ended, Event, Finished, SendContent
from pillarbox.protocol.smtp.client.machine import ClientMachine
from pillarbox.protocol.smtp.client.states import State
from pillarbox.trust.smime import verification
from pillarbox.trust.smime.certificates import Roots
from tests.fuzz import harness

ROOTS = Roots(())
SEEDS = (
    b"220 mx ESMTP\r\n250-mx\r\n250-PIPELINING\r\n250-SIZE 100\r\n250 8BITMIME\r\n250 ok\r\n354 go\r\n250 2.0.0 ok\r\n",
    b"220 x\r\n250-mx\r\n250-LIMITS RCPTMAX=5\r\n250 CHUNKING\r\n421 4.3.2 bye\r\n",
    b"\0user\0password",
    b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
    b"p=tls-exporter,a=other,n=us=2Cer,r=abc",
    b"From a@b Mon Jan  1 00:00:00 2024\nSubject: x\n\n>From y\n\nFrom c@d Tue Jan  2 00:00:00 2024\n\nz\n",
    b'"A. B" <a@b.example>, team: c@d (x), "e f"@g;, =?utf-8?q?J=C3=BC?= <h@[127.0.0.1]>',
    b"Mon, 01 Jan 2024 10:11:12 +0100 (CET)",
    b"attachment; filename*0*=utf-8''a%20; filename*1=\"b\"; size=3",
    (
        b"Content-Type: multipart/report; boundary=b\r\nReturn-Path: <a@b>\r\nDisposition-Notification-To: a@b\r\n"
        b"Original-Recipient: rfc822;a@b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n"
        b"Content-Type: message/disposition-notification\r\n\r\nX-Y: z\r\nFinal-Recipient: rfc822;a@b\r\n"
        b"Disposition: manual-action/MDN-sent-manually; displayed/error\r\nError: x\r\n\r\n--b--\r\n"
    ),
    (
        b"From: a@b\r\nContent-Type: application/pkcs7-mime\r\n\r\n\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
        b"\xa0\x80\x30\x80\x02\x01\x01\x31\x00\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\x31\x02\x30\x00\0\0\0\0\0\0"
    ),
    b"Re: [list] Fwd: (fwd) <a@b> <c@d>",
)


def target(octets: bytes) -> None:
    """Nothing raises; a delivery that was begun ends once for each recipient."""
    for read in (address_list.parse_address_list, date.parse, parameter.parse, threading.message_ids):
        read(octets)
    disposition_reading.read(octets)
    header = Header.parse(octets)[0]
    if request := disposition_request.read(header):
        disposition_request.why_not(header, request, automatically=True)
    verification.verify(octets, ROOTS, 0)
    subject.base_subject(encoded_word.decode(octets))
    list(mbox.messages([octets[:7], octets[7:]]))
    for name in ("PLAIN", "LOGIN", "SCRAM-SHA-256"):
        exchange = mechanisms.start(name, nonce="fuzz", channel=None)
        assert exchange is not None
        if isinstance(exchange.respond(octets), Challenge):
            exchange.respond(octets)
    _deliver(octets)


def _deliver(octets: bytes) -> None:
    machine = ClientMachine("one.example")
    begun = 0
    events: list[Event] = []
    for line in octets.splitlines(keepends=True):
        events += machine.receive(line)
        if machine.state is State.READY and begun < 5:
            begun += 1
            events += machine.begin(Envelope("a@one.example", (Recipient("b@x"), Recipient("c@x")), 10))
        if machine.state is State.BODY:
            assert isinstance(events[-1], SendContent)
            machine.content(octets)
    events += machine.lost("the end")
    finished = [event for event in events if isinstance(event, Finished)]
    assert len(finished) == begun
    assert all(len(event.outcomes) == 2 for event in finished)
    assert isinstance(events[-1], Ended)


if __name__ == "__main__":
    harness.main(target, SEEDS)
