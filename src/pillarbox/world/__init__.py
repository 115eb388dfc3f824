"""The outside world, as interfaces handed in: clock, entropy, network, DNS, TLS, database, blobs, signals, logs."""
