"""Parsing a command line, without its CRLF, into a command or a refusal (RFC 5321 §4.1.1).

One pure function, `read`; the parameters that are offered are given to it. Whether a command may come now
is not decided here, but by the machine's table.
"""

import binascii
import re
from collections.abc import Callable

from pillarbox.protocol.smtp import replies
from pillarbox.protocol.smtp.capabilities import Offer, Role
from pillarbox.protocol.smtp.commands import (
    Auth,
    Bdat,
    Command,
    Hello,
    Mail,
    Rcpt,
    RejectedCommand,
    Simple,
    Verb,
)
from pillarbox.protocol.smtp.parameters import BadParameter, read_mail, read_rcpt
from pillarbox.protocol.smtp.path import InvalidPath, PathTooLong, read_forward_path, read_reverse_path

MAX_NAME_OCTETS = 255
"""The longest name in EHLO (RFC 5321 §4.5.3.1.2)."""
MAX_CHUNK_DIGITS = 20
"""The longest chunk size in BDAT, like SIZE (RFC 1870 §4)."""

_MAIL = re.compile(r"MAIL[ \t]+FROM:[ \t]*", re.IGNORECASE)
_RCPT = re.compile(r"RCPT[ \t]+TO:[ \t]*", re.IGNORECASE)
_BDAT = re.compile(r"[ \t]*([0-9]+)(?:[ \t]+(LAST))?", re.IGNORECASE)
_SPACE = re.compile(r"[ \t]+")  # to str.split() there are many more spaces than the two of SMTP
_MECHANISM = re.compile(r"[A-Z0-9_-]{1,20}", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

_FOREIGN = frozenset({"GET", "POST", "PUT", "HEAD", "CONNECT", "OPTIONS"})
"""Verbs of HTTP: a browser was tricked into connecting, and what follows is an attack on its user."""
_KNOWN_ELSEWHERE = frozenset({"SEND", "SOML", "SAML", "TURN", "ETRN", "ATRN", "BURL"})
"""SMTP commands we know of and do not implement (RFC 5321 §4.2.4)."""


def read(line: bytes, offer: Offer, role: Role) -> Command | RejectedCommand:
    """The command on this line."""
    usual = _USUAL.get(line)
    if usual:
        return usual
    try:
        text = line.decode().rstrip(" \t")
    except UnicodeDecodeError:
        if line[:4].upper() not in _GREETING_OCTETS:
            return RejectedCommand(replies.NOT_UTF8)
        # a computer's name in some other charset; it is only shown, as a comment
        text = line.decode("latin-1").rstrip(" \t")
    if not text.isprintable() and _CONTROL.search(text):
        # RFC 5321 §4.1.2: invalid character codes are answered with 501
        return RejectedCommand(replies.CONTROL)
    word, _, argument = text.partition(" ")
    verb = word.upper()
    reader = _READERS.get(verb)
    if reader is None or (reader is _hello and verb not in _greetings(role)):
        return _unknown(verb)
    return reader(text, argument.strip(" \t"), offer)


def decode_response(line: bytes) -> bytes | None:
    """A SASL response from its line; `None` where it is not base64 (RFC 4954 §4)."""
    if line == b"=":
        return b""
    if len(line) % 4:
        return None
    try:
        return binascii.a2b_base64(line, strict_mode=True)
    except binascii.Error:
        return None


def _greetings(role: Role) -> tuple[str, ...]:
    # RFC 2033 §4.1: LHLO instead of HELO and EHLO, so that a mistaken port is noticed at once
    return ("LHLO",) if role is Role.LMTP else ("HELO", "EHLO")


def _unknown(verb: str) -> RejectedCommand:
    if verb in _FOREIGN:
        return RejectedCommand(replies.FOREIGN, fatal=True)
    return RejectedCommand(replies.NOT_IMPLEMENTED if verb in _KNOWN_ELSEWHERE else replies.UNRECOGNIZED)


def _hello(text: str, argument: str, _offer: Offer) -> Command | RejectedCommand:
    # RFC 5321 §4.1.1.1: more words may follow the name
    name = _SPACE.split(argument.strip())[0]
    if not name or len(name.encode()) > MAX_NAME_OCTETS:
        return RejectedCommand(replies.SYNTAX_HELLO)
    return Hello(Verb(text[:4].upper()), name)


def _mail(text: str, _argument: str, offer: Offer) -> Command | RejectedCommand:
    start = _MAIL.match(text)
    if not start:
        return RejectedCommand(replies.SYNTAX_MAIL)
    try:
        path, rest = read_reverse_path(text[start.end() :])
        return Mail(path, **read_mail(rest, offer.mail)) if rest else Mail(path)
    except PathTooLong:
        return RejectedCommand(replies.PATH_TOO_LONG)
    except InvalidPath:
        return RejectedCommand(replies.SENDER_SYNTAX)
    except BadParameter as bad:
        return RejectedCommand(bad.reply)


def _rcpt(text: str, _argument: str, offer: Offer) -> Command | RejectedCommand:
    start = _RCPT.match(text)
    if not start:
        return RejectedCommand(replies.SYNTAX_RCPT)
    try:
        path, rest = read_forward_path(text[start.end() :])
        return Rcpt(path, **read_rcpt(rest, offer.rcpt)) if rest else Rcpt(path)
    except PathTooLong:
        return RejectedCommand(replies.PATH_TOO_LONG)
    except InvalidPath:
        return RejectedCommand(replies.RECIPIENT_SYNTAX)
    except BadParameter as bad:
        return RejectedCommand(bad.reply)


def _bdat(_text: str, argument: str, _offer: Offer) -> Command | RejectedCommand:
    match = _BDAT.fullmatch(argument)
    if not match or len(match[1]) > MAX_CHUNK_DIGITS:
        # how many octets of message follow is unknown: reading them as commands would be smuggling
        return RejectedCommand(replies.SYNTAX_BDAT, fatal=True)
    return Bdat(int(match[1]), last=match[2] is not None)


def _auth(_text: str, argument: str, _offer: Offer) -> Command | RejectedCommand:
    words = _SPACE.split(argument.strip(" \t"))
    if not words or len(words) > 2 or not _MECHANISM.fullmatch(words[0]):
        return RejectedCommand(replies.SYNTAX_AUTH)
    if len(words) == 1:
        return Auth(words[0].upper(), None)
    initial = decode_response(words[1].encode())
    return RejectedCommand(replies.AUTH_BASE64) if initial is None else Auth(words[0].upper(), initial)


def _alone(text: str, argument: str, _offer: Offer) -> Command | RejectedCommand:
    # RFC 5321 §4.3.2: commands without arguments are refused with them
    return RejectedCommand(replies.NO_ARGUMENT) if argument else Simple(Verb(text.upper()))


def _with_argument(text: str, argument: str, _offer: Offer) -> Command | RejectedCommand:
    if not argument:
        return RejectedCommand(replies.SYNTAX_VRFY)
    return Simple(Verb(text[:4].upper()))


def _any_argument(text: str, _argument: str, _offer: Offer) -> Command:
    return Simple(Verb(text[:4].upper()))


Reader = Callable[[str, str, Offer], Command | RejectedCommand]

_GREETING_OCTETS = frozenset({b"HELO", b"EHLO", b"LHLO"})
_READERS: dict[str, Reader] = {
    "HELO": _hello,
    "EHLO": _hello,
    "LHLO": _hello,
    "MAIL": _mail,
    "RCPT": _rcpt,
    "BDAT": _bdat,
    "AUTH": _auth,
    "DATA": _alone,
    "RSET": _alone,
    "QUIT": _alone,
    "STARTTLS": _alone,
    "NOOP": _any_argument,
    "HELP": _any_argument,
    "VRFY": _with_argument,
    "EXPN": _with_argument,
}
_USUAL = {
    verb.value.encode(): Simple(verb) for verb in (Verb.DATA, Verb.RSET, Verb.NOOP, Verb.QUIT, Verb.STARTTLS)
}
"""Lines that are always the same, read once."""
