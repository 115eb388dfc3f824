"""Writing an account's mail out, for other programs to read, with flags and dates.

    pages.py     the messages of a mailbox, some hundred at a time
    mbox.py      a file for each mailbox
    maildir.py   a Maildir with its folders (Maildir++)

Line ends are written as LF, as both formats have them; `pillarbox.admin.importing` reads either back to the
octets that were exported.
"""
