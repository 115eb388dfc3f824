"""Methods of Email: RFC 8621 §4."""
