"""JMAP (RFC 8620, 8621) without sockets: octets to requests, values to responses, and the tables of its data types.

request.py          octets -> `Request`, or a `Problem`
problems.py         errors of a whole request (§3.6.1)
errors.py           errors of a call, and of one record in it (§3.6.2, §5.3)
limits.py           every limit
capabilities.py     what the server can do: URN, what the session says of it, its methods
session_object.py   the session (§2)
addresses.py        where its resources are
references.py       results of earlier calls as arguments (§3.7)
ids.py              ids, and those that records get within a request (§3.3)
scalars.py          Id, Int, UTCDate and the like (§1)
arguments.py        what the standard methods take (§5)
paging.py           position, anchor and limit (§5.5)
filters.py          filters and sort orders (§5.5)
patch.py            changes of a record (§5.3)
property_table.py   what a property may hold, and what follows from that for get and set
types/              a table for each data type
email/              Email objects from messages, and messages from Email objects
"""
