"""The HTTP service: requests to the routes of a table, and answers as Starlette's responses.

service.py         made once per process
context.py         what all requests share
session.py         one connection: events to requests, one after another
exchange.py        one request and its response, between ASGI and the wire
upload.py          a large body on its way to the one who reads it
request.py         what a route is given: Starlette's request, and what is ours
routes.py          the table of routes
blobs.py           uploads and downloads of JMAP
routing.py         finds the row of a request
refusals.py        errors as problem details, in one place
authentication.py  whose request it is
origin.py          where a request comes from, and what it calls us
outlet.py          output that no request waits for, bounded
event_stream.py    a response without an end (server-sent events)
websocket.py       a WebSocket
security_fields.py fields of every response
"""
