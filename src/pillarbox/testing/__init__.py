"""A whole mail provider inside somebody's test.

    from pillarbox.testing import Provider

    with Provider() as mail:
        send_the_newsletter(host=mail.host, port=mail.ports["smtp"])
        letter = mail.wait_for("alice@one.example", subject="News")
        assert "unsubscribe" in letter.text

    async with Provider() as mail:
        await mail.deliver(message, to="bob@one.example")

It is `pillarbox demo` in a process of its own: on free ports of the loopback, with its own certificate authority, two
domains and a few people; nothing leaves the machine, and nothing is left behind. With pytest, the fixture
`pillarbox` (`pillarbox.pytest_plugin`) is one that all tests of a run share, its mailboxes emptied before each.

    provider.py       starting, talking to, and ending a provider
    asynchronous.py   the same for `async with`
    reader.py         reading mailboxes, by IMAP
    message.py        a message as it lies in a mailbox

This is a public interface: names here are kept, or changed with a word in the change log.
"""

from pillarbox.testing.message import Message
from pillarbox.testing.provider import Account, Provider, ProviderFailed

__all__ = ["Account", "Message", "Provider", "ProviderFailed"]
