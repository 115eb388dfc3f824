"""The mail that tells somebody of a new device that has signed in to their account.

Pure: who is told, and when, is known elsewhere (`delivery.new_devices`). It has no link: whoever gets used to links in
such mail follows those of others.
"""

from typing import Final

from msgspec import Struct

from pillarbox.mail.address import Address
from pillarbox.mail.date import rfc5322

_WITHOUT_ADDRESS: Final = "this machine"


class NewDeviceMail(Struct, frozen=True, gc=False):
    """What it says. `identity`: a random token for the Message-ID: letters, digits, "-" and "_"."""

    to: Address
    domain: str
    """The account's domain, whose postmaster it comes from."""
    device: str
    """What has signed in, as a line."""
    how: str
    """By what, as a line: `IMAP, with the app password "phone"`."""
    address: str
    """The IP address; empty for a local socket."""
    agent: str
    """What it says it is; empty where it does not say."""
    remedy: str
    """What to do if that was somebody else, as a sentence."""
    at_ms: int
    identity: str
    now_ms: int


def compose(mail: NewDeviceMail) -> bytes:
    """The message. Its texts have no control characters."""
    postmaster = Address.parse(f"postmaster@{mail.domain}").with_ascii_domain()
    fields = (
        f"From: Postmaster <{postmaster}>",
        f"To: <{mail.to}>",
        "Subject: A new device has signed in to your account",
        f"Date: {rfc5322(mail.now_ms)}",
        f"Message-ID: <{mail.identity}@{postmaster.domain}>",
        "Auto-Submitted: auto-generated",  # RFC 3834 §5
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
    )
    told = [
        ("Account", str(mail.to)),
        ("When", rfc5322(mail.at_ms)),
        ("Device", mail.device),
        ("By", mail.how),
    ]
    told.append(("From", mail.address or _WITHOUT_ADDRESS))
    if mail.agent:
        told.append(("It calls itself", mail.agent))
    lines = (
        "A device that was not seen before has signed in to your account.",
        "",
        *(f"    {head + ':':<17}{value}" for head, value in told),
        "",
        "If that was you, there is nothing to do.",
        "",
        f"If it was not you: {mail.remedy}",
        "Then look at the last sign-ins of your account, and at what was done to your mail.",
        "If you need help, answer this message: it goes to those who run your mail.",
        "",
        "You can switch these messages off in the settings of your account.",
        "",
        "",
        "Ein bisher unbekanntes Gerät hat sich bei Ihrem Konto angemeldet; was darüber",
        "bekannt ist, steht oben. Wenn Sie das waren, ist nichts zu tun. Wenn nicht: Melden",
        "Sie es ab, widerrufen Sie sein App-Passwort, falls es eines hat, und ändern Sie Ihr",
        "Passwort. Hilfe gibt es als Antwort auf diese Nachricht.",
    )
    return "".join(f"{line}\r\n" for line in (*fields, "", *lines)).encode("utf-8", "replace")
