"""Where it rests: mailboxes, messages, placements, flags, threads and the log of changes."""
