"""Importing an account's mail from another server, by IMAP.

    remote.py      what must be known of the other server, and how it is logged in to
    connection.py  an open connection, logged in
    session.py     the client machine on a stream, with its time limits
    patience.py    how long to wait for a server that is busy or lost
    plan.py        the mailboxes there, and the mailbox for each here
    pulled.py      what was imported: rows, written with the messages
    identity.py    by what a message is recognized when its UID has changed
    listing.py     which messages a mailbox has
    contents.py    the messages of a mailbox, several under way at once
    mailbox.py     one mailbox: what is new, which flags changed, what was deleted
    run.py         all mailboxes, through lost connections

What is always true: nothing is changed at the other server. A message and the row that names its UID there are in one
commit, so an import that was interrupted at any moment continues when it is run again, and imports nothing twice. No
reply of the other server takes more memory than its limit, or keeps the import waiting for ever.
"""
