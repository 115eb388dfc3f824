"""Finding messages: exact answers, narrowed by an index that may lag behind."""
