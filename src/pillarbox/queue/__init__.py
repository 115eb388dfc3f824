"""Where it waits: mail on its way to another provider."""
