"""JMAP service (RFC 8620, 8621), without HTTP: octets of a request in, octets of its response out.

service.py    what the requests of a process share; answers one
dispatch.py   runs the calls of a request in order
context.py    what a handler may know and do
accounts.py   which accounts a user may use, and whether a call may use this one
failures.py   the error of a call for what its handler raised
methods.py    the table of handlers
blobs.py      finds a blob by its id; uploading.py and downloading.py carry them in and out
changes.py    /changes of what the store logs
threads.py    Thread/get and /changes
mailboxes/    the methods of Mailbox
emails/       the methods of Email
saved_searches/   the methods of SavedSearch
traces/       MessageTrace/get: how a message came, and what was found of it
watching.py, pushed_states.py    clients that are told of changes, and what they are told

identities.py, vacation.py, submissions/    what is sent, as whom, and what answers while its owner is away
changes_page.py    a part of what has changed, for records that are logged once each
guarded_writes.py  the transactions of a /set that changes record by record
"""
