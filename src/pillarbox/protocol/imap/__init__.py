"""IMAP4rev2 and IMAP4rev1 (RFC 9051, 3501) as a machine without sockets."""
