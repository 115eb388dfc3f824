"""SMTP as a client: a machine that delivers mail over one connection.

machine.py       the connection: commands, replies, events
states.py        its states and transitions, and its timeouts
transaction.py   one mail transaction: what is still to be answered, the outcomes so far
events.py        what the machine reports to its driver
envelope.py      what MAIL and RCPT say, and how an attempt ended for a recipient
capabilities.py  what a server offers in its EHLO reply
replies.py       reading replies
content.py       dot-stuffing
"""
