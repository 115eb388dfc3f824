"""The control channel: what a running worker answers to commands on the same machine (`admin.control`)."""
