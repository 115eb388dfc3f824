"""What can fail or surprise: the doors to clock, chance, network, names, disk and other processes."""
