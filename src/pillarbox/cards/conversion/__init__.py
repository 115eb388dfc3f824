"""A JSContact Card from a vCard, and a vCard from a JSContact Card (RFC 9555)."""
