"""IMAP sessions: one file per family of commands."""
