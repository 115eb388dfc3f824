"""SASL mechanisms (RFC 4422) as machines that yield their questions."""
