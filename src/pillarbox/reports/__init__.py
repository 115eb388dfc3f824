"""Reports about authentication and TLS: what is counted for ours, and what came in those of others.

schema.py    the tables
counting.py  rows that are counted for a domain and a day, until they are sent
observed.py  what is counted: judged messages, sessions of TLS
sent.py      which reports were sent
received.py  reports of others
values.py, invariants.py    what `pillarbox fsck` checks
"""
