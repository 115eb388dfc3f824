"""The parts of a message that Python's `email` has read, with their type."""

from email.message import Message


def parts_of(message: Message) -> list[Message]:
    """The parts of a multipart message; the one within a message/rfc822; the blocks of a delivery-status."""
    payload = message.get_payload()
    assert isinstance(payload, list), f"{message.get_content_type()} has no parts"
    parts = [part for part in payload if isinstance(part, Message)]
    assert len(parts) == len(payload)
    return parts


def text_of(message: Message) -> str:
    """The text of a part that has no parts, as it is written."""
    payload = message.get_payload()
    assert isinstance(payload, str), f"{message.get_content_type()} is no text"
    return payload
