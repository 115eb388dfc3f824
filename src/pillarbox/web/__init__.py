"""What a web server says, as pure values.

    page.py    what a fetch ends with

Who asks: `world.fetcher`.
"""

from pillarbox.web.page import FailureKind, FetchFailed, Page

__all__ = ["FailureKind", "FetchFailed", "Page"]
