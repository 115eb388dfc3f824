"""All that pages say, in each language: one table. English first, then German.

Sentences are short and say no names of protocols. An error says what happened and what to do. A button is a verb.
"""

from collections.abc import Callable
from functools import cache
from typing import Final, TypeAlias

from pillarbox.server.pages.language import Language
from pillarbox.server.pages.words import account, frame, reset, sign_in

Words: TypeAlias = Callable[..., str]
"""Called with a key, and with what its text has places for."""

TABLE: Final[dict[str, tuple[str, str]]] = {**frame.WORDS, **sign_in.WORDS, **reset.WORDS, **account.WORDS}
_COLUMNS: Final = {Language.ENGLISH: 0, Language.GERMAN: 1}


@cache
def words_of(language: Language) -> Words:
    """The words in this language."""
    column = _COLUMNS[language]

    def words(key: str, /, **values: object) -> str:
        text = TABLE[key][column]
        return text.format_map(values) if values else text

    return words
