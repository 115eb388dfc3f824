"""SASL: authentication, the same way in SMTP, IMAP and POP3 (RFC 4422).

A *mechanism* is a generator: it yields what it needs next and is resumed with the answer. The peer's octets, the
result of a password check, the stored SCRAM keys and the nonce all come from outside, so nothing here uses a socket,
a database or randomness.

    exchange.py    the steps of an exchange, and the server's `Exchange` that drives a mechanism
    mechanisms.py  the mechanisms, which may be offered when, and `start`
    plain.py       PLAIN (RFC 4616)           login.py    LOGIN (draft-murchison-sasl-login)
    scram.py       SCRAM-SHA-256, -PLUS (RFC 5802, 7677), server side
    scram_message.py, scram_keys.py           its messages, its keys
    identity.py    limits and preparation of names and passwords
    client.py      the client side of all four
    saslprep.py    SASLprep (RFC 4013)
    line.py        messages as base64 lines (RFC 4648, as SMTP, IMAP and POP3 carry them)

Invariants: a mechanism succeeds at most once and answers nothing afterwards; every octet string is checked against a
limit before it is parsed; a failure never says whether the name or the password was wrong.
"""
