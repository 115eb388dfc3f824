"""Email objects (RFC 8621 §4): from the octets of a message, and back to octets."""
