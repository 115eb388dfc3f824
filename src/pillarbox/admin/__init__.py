"""The operations of an operator, each one once; the command line only calls them."""
