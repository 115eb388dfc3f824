"""The configuration file: its options, how it is read and checked, and the texts made from it."""
