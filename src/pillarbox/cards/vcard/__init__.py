"""vCards as octets: versions 2.1, 3.0 and 4.0 are read, 4.0 is written."""
