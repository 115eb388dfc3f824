"""Exporting an account's mail for other programs, with flags and dates.

    pages.py     the messages of a mailbox, some hundred at a time
    mbox.py      an mbox file for each mailbox
    maildir.py   a Maildir with its folders (Maildir++)
    folder.py    the folder they write to, private to its owner, with a manifest

Line ends are written as LF, as usual in both formats; `pillarbox.admin.importing` restores the exported octets from
either.
"""
