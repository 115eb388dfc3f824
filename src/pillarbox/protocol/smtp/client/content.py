"""A message as DATA carries it (RFC 5321 §4.5.2)."""

from pillarbox.protocol.smtp.line_ends import repair


def stuffed(octets: bytes) -> bytes:
    """The message with a dot added to every line that begins with one, and the end of data after it.

    A lone CR or LF is never sent (see `line_ends`): however the next server reads them, it finds one
    message.
    """
    octets = repair(octets)
    if octets.startswith(b"."):
        octets = b"." + octets
    if b"\r\n." in octets:
        octets = octets.replace(b"\r\n.", b"\r\n..")
    return octets + (b".\r\n" if octets.endswith(b"\r\n") or not octets else b"\r\n.\r\n")
