"""Carrying queued mail to other providers.

hosts.py      which hosts to try for a destination, in which order
dialogue.py   one connection: the client machine of `protocol.smtp.client` on a stream
courier.py    one job: from host to host until each recipient has an outcome
relay.py      all of it: claims what is due, within limits, and reports how it ended

Beside them: `fitting` (a message as a server can take it), `progress` (how far a job has come), `lane` and `pace`
(one destination at work), `settling` (results written down), `clock_watch` (whether leases can be believed),
`time_limit` (how long an answer, or a rest, may take).
"""
