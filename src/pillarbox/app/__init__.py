"""Starting Pillarbox: the command line, the supervisor and workers, and how they are put together."""
