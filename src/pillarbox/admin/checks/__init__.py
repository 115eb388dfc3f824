"""`pillarbox check`: checks of the environment of a server, each result with a remedy.

    result.py        the result of a check
    dns.py           the names that other providers and mail programs look up
    sender_policies.py  SPF, DMARC and TLSRPT records
    certificates.py  the certificates shown to clients
    tlsa.py          whether the DNS has the keys of these certificates (DANE)
    machine.py       permissions, the database, free disk space, how Python was built, ports
    addresses.py     aliases, groups and postmasters that lead nowhere or in a circle
    push.py          whom push services may write to
    routes.py        routes that lead nowhere or back here

Checks change nothing.
"""
