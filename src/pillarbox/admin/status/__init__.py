"""The state of an installation, for an operator: what its workers answer, and what its database and its disk show.

A server is healthy if it runs and all its workers answer, with loops that are not held. What else an operator should
look at (a full disk, a certificate that expires, no backup) is a warning: restarting the server would not help.

servers.py   what the workers of a running server have answered, put together
stored.py    what the database, the disk, the certificates and the backups show, whether or not a server runs
findings.py  what is wrong, in sentences
"""
