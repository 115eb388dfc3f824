"""Reception: the one way by which messages come in, whatever protocol brings them.

    origin, envelope   Reception.begin                 who may send
    recipients         IncomingMessage.add_recipient   who may be written to
    octets             IncomingMessage.add, finish     completed, checked, stored in one commit

Refusals are values (`delivery.refusal`); failures of the database and the disk are refusals too, and
transient. `Accepted` is returned after the commit only: then the message is our responsibility (RFC 5321
§4.2.5).
"""
