"""A complete mail provider inside a test.

    from pillarbox.testing import Provider

    with Provider() as mail:
        mail.deliver("Subject: News\\n\\nTo unsubscribe, ...\\n", to="alice@one.example")
        letter = mail.wait_for("alice@one.example", subject="News")
        assert "unsubscribe" in letter.text

    async with Provider() as mail:
        await mail.deliver(message, to="bob@one.example")

It is `pillarbox demo` in a child process: on free ports of the loopback interface, with its own certificate
authority, two domains and a few accounts; nothing leaves the machine, and nothing is left behind. The pytest fixture
`pillarbox` (`pillarbox.pytest_plugin`) is one that all tests of a run share, as new before each.

    provider.py       the provider as a context manager
    blocking.py       what a test does with it
    asynchronous.py   the same as coroutines
    process.py        the child process
    watch.py          waiting for a message
    reader.py         reading mailboxes, by IMAP
    message.py        a message in a mailbox

This is a public interface: a change of these names is announced in the change log.
"""

from pillarbox.testing.asynchronous import AsyncProvider
from pillarbox.testing.blocking import Account
from pillarbox.testing.message import Message
from pillarbox.testing.process import ProviderFailed
from pillarbox.testing.provider import Provider

__all__ = ["Account", "AsyncProvider", "Message", "Provider", "ProviderFailed"]
