"""The store: mailboxes, messages and their placements, flags, threads, the change log; and the images of senders."""
