"""Listeners, connections, and the sessions on them; the relay; background work."""
