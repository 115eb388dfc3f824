"""Signing in with a browser: what a person shows, one thing after another, and the session that comes of it.

Nothing here knows of HTTP: tokens come in and go out as texts, which `server/http/cookies.py` puts into cookies.

What is always true: a session's token is made when the sign-in is complete, and never taken from outside; each guess,
of a password or of what comes second, is delayed and counted as at every other door (`server/login/history.py`); what
was shown counts only if it is still good in the transaction that opens the session.
"""
