"""The formats of mail as pure values: no clock, no randomness, no I/O, no logging."""
