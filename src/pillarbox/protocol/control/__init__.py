"""The control channel: one JSON value a line, between a command and the running server on the same machine."""
