"""Messages as lines of text."""


def lines(*text: str) -> bytes:
    """These lines, parted by CRLF."""
    return "\r\n".join(text).encode()


def mixed(*text: str, boundary: str = "b") -> bytes:
    """A multipart message whose body has these lines."""
    return lines(f"Content-Type: multipart/mixed; boundary={boundary}", "", *text)
