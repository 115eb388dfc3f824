"""Progress on a terminal; nothing elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pillarbox.mail.visible import visible


@contextmanager
def octets_read(title: str, *, shown: bool = True) -> Iterator[Callable[[int, int], None]]:
    """A progress bar. Yields a function that takes the octets done and the total."""
    if not shown or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        bar = bars.add_task(title, total=None)
        yield lambda done, total: bars.update(bar, completed=done, total=total)


@contextmanager
def steps(title: str, *, shown: bool = True) -> Iterator[Callable[[str], None]]:
    """A status line. Yields a function that takes the name of each step."""
    if not shown or not sys.stderr.isatty():
        yield lambda _step: None
        return
    from rich.console import Console
    from rich.markup import escape

    with Console(stderr=True).status(title) as status:
        yield lambda step: status.update(f"{title} {escape(visible(step))}")
