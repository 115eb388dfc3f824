"""The webmail, as far as a server has to know of it: it hands out what `webmail/` was built into.

The page itself is a client of JMAP and of nothing else.
"""
