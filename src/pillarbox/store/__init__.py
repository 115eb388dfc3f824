"""The store: mailboxes, messages and their placements, flags, threads, and the change log."""
