"""Bringing mail in from elsewhere, some hundred messages a commit, in bounded memory.

    source.py    what a source gives: messages with flags and dates, and what could not be taken
    mbox.py      one mbox file, `.gz` as well
    maildir.py   one folder of a Maildir
    found.py     which sources a file or directory holds
    record.py    how far each source has been taken: rows, written with the messages
    bring.py     from a source into a mailbox

What is always true: a message and the record that it was taken are in one commit, so an import that was
interrupted, at whatever moment, goes on when it is run again, and takes nothing twice.
"""
