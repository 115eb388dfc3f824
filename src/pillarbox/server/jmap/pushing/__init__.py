"""Pushes to the URLs of subscriptions (RFC 8620 §7.2): who is looked after, what they are told, and how it is sent.

sender.py         the accounts that have subscriptions, each looked at when it has changed
reading.py        what one account's subscriptions are to be told
attempt.py        one subscription: its messages, one after another, and what becomes of them
posting.py        one message: encrypted, signed and posted
email_config.py   which emails a client wants to be told of, and how much of each
email_push.py     the emails that have come, as they are pushed
"""
