"""Who is told by push services, and as whom.

schema.py         the tables
vapid_key.py      the key by which push services know this provider
subscriptions.py  where clients want to be told, and what was told
values.py, invariants.py    what `pillarbox fsck` checks
"""
