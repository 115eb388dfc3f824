"""The tables of the configuration file: a file for each, named as the table is."""
