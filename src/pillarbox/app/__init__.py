"""How it all starts: configuration, wiring, roles, life cycle, command line."""
