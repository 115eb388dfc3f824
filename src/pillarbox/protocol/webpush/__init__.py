"""Web Push, as an application server speaks it to push services: values in, octets out.

p256.py         keys of its curve
base64url.py    how octets are written
client_keys.py  the keys that a client gives for its subscription
encryption.py   the body of a message (RFC 8291, RFC 8188)
subject.py      whom a push service may write to
vapid.py        who sends a message (RFC 8292)
request.py      the fields of a request, and what its answer means (RFC 8030)
"""
