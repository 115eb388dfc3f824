"""MDN (RFC 9007): what became of a message is told to who asked, over `delivery.notifying`, and read.

send.py      MDN/send, and the Email/set that follows from it
composing.py what the client wants said, and the message that says it
parse.py     MDN/parse
"""
