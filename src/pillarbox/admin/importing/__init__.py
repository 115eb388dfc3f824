"""Importing mail, some hundred messages in each commit, in bounded memory.

    source.py      what a source yields: messages with flags and dates, and messages that had to be skipped
    mbox.py        one mbox file, also `.gz`
    maildir.py     one folder of a Maildir
    discover.py    the sources in a file or directory
    checkpoint.py  how far each source has been imported: rows, written with the messages
    run.py         from a source into a mailbox

What is always true: a message and its checkpoint are in one commit, so an import that was interrupted at any moment
continues when it is run again, and imports nothing twice.
"""
