"""The configuration: the table of services, the options of the file, its reader, and its documentation."""
