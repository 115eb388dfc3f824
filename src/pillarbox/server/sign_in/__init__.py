"""Signing in by a browser: sessions, and what is asked for beside a password. Nothing here knows of HTTP."""
