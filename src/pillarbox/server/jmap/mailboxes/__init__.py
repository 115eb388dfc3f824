"""Methods of Mailbox: RFC 8621 §2.

get.py         Mailbox/get and /changes
reading.py     what all methods read
view.py        mailboxes as JMAP shows them: trees out of IMAP's names
query.py       Mailbox/query and /queryChanges
set.py         Mailbox/set
operations.py  its arguments, as operations
forest.py      what these would make of the mailboxes, and whether that may be
arranging.py   makes it so
"""
