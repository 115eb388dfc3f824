"""IMAP sessions: a file for each command or small family of commands, in one table (`handlers`)."""
