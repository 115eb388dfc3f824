"""Finding messages: exact answers, narrowed by an index that may lag behind."""

from pillarbox.store.search.evaluate import NotInSession, evaluate, takes_long

__all__ = ["NotInSession", "evaluate", "takes_long"]
