"""POP3 served: RFC 1939 with 2449 (CAPA), 2595 (STLS), 3206 (codes), 5034 (SASL), 6856 (UTF8, LANG).

session.py     one connection: commands to handlers, failures to replies
login.py       before the maildrop is open: CAPA, USER, PASS, AUTH, STLS, UTF8, LANG
maildrop.py    the messages as the session counts them: STAT, LIST, UIDL, DELE, RSET
retrieval.py   RETR and TOP
services.py    what all sessions share
"""
