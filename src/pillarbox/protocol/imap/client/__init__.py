"""IMAP as a client: a machine that reads another server's mailboxes over one connection.

machine.py    the connection: commands, responses, events
states.py     its states and transitions, and its timeouts
reader.py     octets to responses; the content of messages passes through in pieces
syntax.py     the tokens of a response
responses.py  what responses mean, as values
parsing.py    from tokens to these values
commands.py   the commands, as they are sent
events.py     what the machine reports to its driver
"""
