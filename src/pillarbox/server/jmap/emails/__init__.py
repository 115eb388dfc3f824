"""Methods of Email: RFC 8621 §4.

get.py         Email/get
changes.py     Email/changes
query.py       Email/query, Email/queryChanges: over lists.py, by filters.py
setting.py     Email/set
importing.py   Email/import
copying.py     Email/copy
parsing.py     Email/parse
snippets.py    SearchSnippet/get (§5)

signed.py      signatures, verified for Email/get and Email/query (RFC 9219)
authorities.py whose certificates are believed
reading.py     emails of the store, a page at a time; what is long is read and looked at in threads
drafts.py      the properties of a new Email become a message that can be stored
updates.py     what an update asks for
storing.py     creations, updates and destructions of a call, in as few transactions as may be
"""
