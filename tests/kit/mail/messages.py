"""Messages put together from parts, for tests of what is read from them."""


def multipart(subtype: str, *parts: bytes, boundary: str = "b", fields: bytes = b"") -> bytes:
    """A multipart of these, each with its own header; nested ones need another boundary."""
    line = boundary.encode()
    head = b'Content-Type: multipart/%b; boundary="%b"\r\n%b\r\n' % (subtype.encode(), line, fields)
    return head + b"".join(b"--%b\r\n%b\r\n" % (line, one) for one in parts) + b"--%b--\r\n" % line


def part(content_type: str, *fields: str, body: bytes = b"x") -> bytes:
    """A part with this type and further header fields."""
    lines = "\r\n".join([f"Content-Type: {content_type}", *fields])
    return lines.encode() + b"\r\n\r\n" + body
