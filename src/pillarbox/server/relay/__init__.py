"""Carrying queued mail to other providers.

hosts.py      which hosts to try for a destination, in which order
dialogue.py   one connection: the client machine of `protocol.smtp.client` on a stream
courier.py    one job: from host to host until each recipient has an outcome
relay.py      all of it: claims what is due, within limits, and reports how it ended
"""
