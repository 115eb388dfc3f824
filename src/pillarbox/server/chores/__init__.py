"""What is done behind the scenes: indexing, sweeping, checkpoints."""
