"""Whom it is for: domains, accounts, aliases, groups, credentials."""
