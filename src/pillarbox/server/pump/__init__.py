"""The pump: carries any protocol's session over a socket.

pump.py        one connection: what the loop, the session and the listener call, and how it ends
handling.py    the other half: feeds the machine, runs handlers, waits for TLS and slow readers
phases.py      the phases of a connection, and what each event does in each of them, as a table
owner.py       the interfaces between a pump and its owner, the listener
accounting.py  what a connection holds, in the memory budget
transport.py   the two ends and the TLS layer of the loop's transport
held_input.py  octets that arrive while a handler is at work
turns.py       how connections with much to do share the loop
deadline.py    a deadline that is moved far more often than it passes
alarms.py      timers that many deadlines share
eager.py       running a coroutine at once, with a task only where it has to wait
"""
