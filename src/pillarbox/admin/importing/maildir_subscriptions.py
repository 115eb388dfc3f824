"""Which folders of a Maildir are subscribed: `subscriptions` of Dovecot, `courierimapsubscribed` of Courier.

Dovecot's file has the names of folders, one a line; since its version 2, behind a line `V 2`, the levels of each name
separated by tabs. Courier's has `INBOX.Work.2026`.
"""

from pathlib import Path
from typing import Final

from pillarbox.admin.importing import layout
from pillarbox.admin.importing.reading import plain_file

DOVECOT_FILE: Final = "subscriptions"
COURIER_FILE: Final = "courierimapsubscribed"
MAX_FILE_OCTETS: Final = 4 * 1024 * 1024
"""What is beyond is not read."""


def read(maildir: Path) -> frozenset[tuple[str, ...]] | None:
    """The levels of the names of subscribed folders; `None` where the Maildir has no list of them."""
    for name, prefix in ((DOVECOT_FILE, ""), (COURIER_FILE, "INBOX.")):
        try:
            with plain_file(maildir / name) as file:
                lines = file.read(MAX_FILE_OCTETS).decode("utf-8", "surrogateescape").split("\n")
        except OSError:
            continue
        in_levels = lines[0] == "V\t2"
        names = (line.removeprefix(prefix) for line in lines[1 if in_levels else 0 :] if line)
        return frozenset(
            layout.dotted_levels(name.replace(".", "\\2e").replace("\t", ".") if in_levels else name)
            for name in names
        )
    return None
