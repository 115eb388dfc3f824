"""EmailSubmission (RFC 8621 §7): what an account has sent, over `delivery.submitting` and `delivery.tracking`.

view.py     a submission as a record of JMAP
get.py      /get and /changes
query.py    /query and /queryChanges
set.py      /set, and the Email/set that follows from it
creating.py a new submission: what the client asks for, and why it is not sent
"""
