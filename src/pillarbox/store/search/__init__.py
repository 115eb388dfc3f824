"""Finding messages: exact answers, narrowed by an index that may lag behind."""

from pillarbox.store.search.evaluate import NotInSession, evaluate, reads_text

__all__ = ["NotInSession", "evaluate", "reads_text"]
