"""Domains, accounts, aliases and groups, and what somebody signs in with (`sign_in`).

All of it is rows and verbs (`def verb(tx, ...)`). It answers four questions:

    resolve.recipient      where does mail for this address go?
    resolve.may_send_as    may this account write as that address?
    accounts.by_login      whose login is this?
    sign_in.credentials    which hash must its password match?

`addresses` holds every address that is served exactly once, with its target (an account, an alias, a group), so an
address can never have two owners. Domains are stored as lower-case A-labels; local parts are compared
case-insensitively (`naming.local_key`), and also stored as written.
"""
