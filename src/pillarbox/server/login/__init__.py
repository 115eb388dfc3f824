"""Who may come in, by a password or in its place: one place for every protocol, and for the pages."""
