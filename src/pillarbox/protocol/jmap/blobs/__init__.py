"""Blobs without their octets: ids, sources of new ones, and what a download says of itself (RFC 8620 §6, RFC 9404)."""
