"""How it is spoken: machines without sockets. Octets in, events out; values in, octets out."""
