"""MessageTrace/get, an extension of our own: how a message came, what was found of it, and what became of it.

get.py        the method
hops.py       what the fields of the header say, and which of it is ours
verdicts.py   what checks have found, for people
sent.py       of mail that the account has sent, where it is
"""
