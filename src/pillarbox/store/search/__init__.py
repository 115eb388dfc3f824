"""Searching messages: exact results, narrowed by a full-text index that may lag behind."""

from pillarbox.store.search.cost import (
    MAX_LITTLE_MESSAGES,
    candidates,
    compares_much,
    is_in_memory,
    may_be_quick,
    takes_long,
)
from pillarbox.store.search.evaluate import (
    NotInSession,
    TooMuch,
    evaluate,
    evaluate_in_memory,
    evaluate_little,
)
from pillarbox.store.search.text import Interlude

__all__ = [
    "MAX_LITTLE_MESSAGES",
    "Interlude",
    "NotInSession",
    "TooMuch",
    "candidates",
    "compares_much",
    "evaluate",
    "evaluate_in_memory",
    "evaluate_little",
    "is_in_memory",
    "may_be_quick",
    "takes_long",
]
