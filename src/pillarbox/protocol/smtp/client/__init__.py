"""The side of SMTP that delivers: it asks, reads replies, and knows for each recipient how it ended."""
