"""What a browser calls itself (User-Agent), in the words of people: which browser, on what."""

from typing import Final

# The first that is found: browsers name each other, for old servers' sake
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
)
MAX_SHOWN: Final = 60
"""Characters of a program that is none of these."""


def in_words(agent: str) -> str:
    """Such as `Firefox, Linux`; what the program says, where it is another one; empty where it says nothing."""
    browser = next((name for sign, name in _BROWSERS if sign in agent), "")
    system = next((name for sign, name in _SYSTEMS if sign in agent), "")
    if browser:
        return f"{browser}, {system}" if system else browser
    return "".join(letter for letter in agent[:MAX_SHOWN] if letter.isprintable()).strip()
