"""Whom it is for: domains, accounts, aliases, groups, credentials.

All of it is rows and verbs (`def verb(tx, ...)`), reached by four questions:

    resolve.recipient      where does mail for this address go?
    resolve.may_send_as    may this account write as that address?
    accounts.by_login      whose login is this?
    credentials.find       what would prove it?

`addresses` holds every address we serve exactly once, whatever it leads to (an account, an alias, a
group), so two things can never claim one address. Domains are stored as lower-case A-labels; local parts
are compared without regard to case (`naming.local_key`), and kept as they were written beside it.
"""
