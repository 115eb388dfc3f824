"""Delivering queued mail to other providers.

relay.py              one worker's relay: claims what is due, within limits, and records results
context.py            what its parts are given, its limits
destination_queue.py  one destination: its leased jobs, and the delivery agents that work on them
concurrency.py        how many connections a destination gets
delivery_agent.py     one job: from host to host until each recipient has an outcome
progress.py           the outcomes of a job so far
host_finder.py        which hosts to try for a destination, in which order
connection.py         a connection to a host, with the TLS and the login that are required
session.py            one SMTP session: the machine of `protocol.smtp.client` on a stream
conversion.py         a message in the form that a server can take
settling.py           results written to the database, in batches
clock_watch.py        whether expired leases can be trusted after the clock was set
time_limit.py         a timeout that is moved often
"""
