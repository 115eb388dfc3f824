"""Importing mail, some hundred messages in each commit, in bounded memory.

    source.py           what a source yields: messages with flags and dates, and messages that had to be skipped
    discover.py         the sources in a file or directory; layout.py: how programs name folders and files
    run.py              from a source into mailboxes
    checkpoint.py       how far each source has been imported: rows, written with the messages
    recognition.py      which messages were imported, wherever they stand in their source now

    mbox.py             one mbox file, also `.gz`; fields.py, gmail.py: what programs write about a message
    maildir.py          one folder of a Maildir; maildir_keywords.py, maildir_subscriptions.py: the lists beside it
    message_files.py    `.eml`, `.emlx`, MH: files with one message each
    archive.py          `.zip` and `.tar.gz`; archive_layout.py, forward.py, zip_directory.py: how they are read
    marker.py, manifest.py    what `admin.exporting` writes, so that an export comes back as it was

    imap/               an account's mail from another server

    reading.py          octets of files that others made: what they are, and why they can't be read
    names.py            names of mailboxes from any names

What is always true: a message and its checkpoint are in one commit, so an import that was interrupted at any moment
continues when it is run again, and imports nothing twice.
"""
