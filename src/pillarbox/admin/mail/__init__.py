"""What an operator does with the messages of accounts: finding them, showing one, moving, flagging and deleting them.

    finding.py    which messages, by their ids or by what they contain
    changing.py   moving, flagging and deleting, a slice in each transaction
    showing.py    one message for people

All of it works while the server runs: reads and writes are short, and clients that are connected see each change.
"""
