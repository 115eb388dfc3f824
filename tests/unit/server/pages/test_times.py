"""Times and browsers in words."""

import pytest

from pillarbox.server.pages import agents, times
from pillarbox.server.pages.language import Language
from pillarbox.server.pages.words import words_of

NOW_MS = 1_764_608_400_000
"""1 December 2025, 17:00 UTC."""


@pytest.mark.parametrize(
    ("ago_ms", "english", "german"),
    [
        (0, "just now", "gerade eben"),
        (59_999, "just now", "gerade eben"),
        (60_000, "1 minute ago", "vor 1 Minute"),
        (59 * 60_000, "59 minutes ago", "vor 59 Minuten"),
        (60 * 60_000, "1 hour ago", "vor 1 Stunde"),
        (23 * 3_600_000, "23 hours ago", "vor 23 Stunden"),
        (24 * 3_600_000, "30 November 2025", "30. November 2025"),
        (-24 * 3_600_000, "2 December 2025", "2. Dezember 2025"),
    ],
)
def test_how_long_ago(ago_ms: int, english: str, german: str) -> None:
    for language, said in ((Language.ENGLISH, english), (Language.GERMAN, german)):
        assert times.when(NOW_MS - ago_ms, now_ms=NOW_MS, words=words_of(language)) == said


def test_a_minute() -> None:
    assert times.exactly(NOW_MS, words_of(Language.ENGLISH)) == "1 December 2025, 17:00 UTC"


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge, Windows",
        ),
        (
            "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36",
            "Chrome, Android",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1",
            "Safari, iPhone",
        ),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605.1", "Safari, Mac"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", ""),
        ("\x00\x1b[31m", "[31m"),
        ("x" * 500, "x" * agents.MAX_SHOWN),
    ],
)
def test_browsers(agent: str, said: str) -> None:
    assert agents.in_words(agent) == said
