"""All emails of an account in memory, few octets each, and lists of them by filter and order (RFC 8621 §4.4).

account.py     the columns, and how changes are applied to them
current.py     what has changed since, and the cache of a process
filters.py     filters as values
evaluation.py  which emails match
ordering.py    in which order
lists.py       a list that is kept: what has changed is put in its place, and only as much is counted as is asked for
making.py      a list that is not kept yet
changed.py     what may have changed in lists since a state
counting.py    how many there are that match
texts.py       what needs the text of messages, and values to sort by
"""
