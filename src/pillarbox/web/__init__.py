"""What a web server says, and where it is asked, as pure values.

    page.py      what a fetch ends with
    target.py    which URLs are asked

Who asks: `world.fetcher`.
"""

from pillarbox.web.page import FailureKind, FetchFailed, Page

__all__ = ["FailureKind", "FetchFailed", "Page"]
