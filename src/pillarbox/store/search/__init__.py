"""Searching messages: exact results, narrowed by a full-text index that may lag behind."""

from pillarbox.store.search.cost import candidates, is_in_memory, takes_long
from pillarbox.store.search.evaluate import NotInSession, evaluate, evaluate_in_memory
from pillarbox.store.search.text import Interlude

__all__ = [
    "Interlude",
    "NotInSession",
    "candidates",
    "evaluate",
    "evaluate_in_memory",
    "is_in_memory",
    "takes_long",
]
