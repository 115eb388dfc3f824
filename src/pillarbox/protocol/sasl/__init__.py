"""SASL: proving who one is, the same way in SMTP, IMAP and POP3 (RFC 4422).

A *mechanism* is a generator: it yields what it needs next and is resumed with the answer. Octets of
the peer, the verdict on a password and the stored SCRAM keys all come from outside, and so does the
nonce, so nothing here touches a socket, a database or chance.

    exchange.py    the steps both sides speak in, and the server's `Exchange` that drives a mechanism
    mechanisms.py  which mechanisms there are, which may be offered when, and `start`
    plain.py       PLAIN (RFC 4616)           login.py    LOGIN (draft-murchison-sasl-login)
    scram.py       SCRAM-SHA-256, -PLUS (RFC 5802, 7677), server side
    scram_message.py, scram_keys.py           its wire form, its arithmetic
    client.py      the client side of all four
    saslprep.py    preparing names and passwords (RFC 4013)
    line.py        responses as base64 lines (RFC 4648, as SMTP, IMAP and POP3 carry them)

Always true: a mechanism succeeds at most once and answers nothing afterwards; every octet string has a
limit before it is looked at; a failure never says whether the name or the password was wrong.
"""
