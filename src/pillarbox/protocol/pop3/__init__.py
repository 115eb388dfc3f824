"""POP3 (RFC 1939, 2449) as a machine without sockets."""
