"""POP3 service: RFC 1939 with 2449 (CAPA), 2595 (STLS), 3206 (codes), 5034 (SASL), 6856 (UTF8, LANG).

service.py        what the sessions of a process share; makes sessions
session.py        one connection: dispatches commands, turns failures into replies
session_state.py  what handlers may know and do
handlers.py       the table of handlers
capability.py     CAPA, UTF8, LANG, NOOP
starttls.py       STLS
authenticate.py   USER, PASS, AUTH, and opening the maildrop
listing.py        STAT, LIST, UIDL
retrieval.py      RETR, TOP
deletion.py       DELE, RSET, QUIT
maildrop.py       the messages as the session numbers them
lease.py          the lock on the maildrop
"""
