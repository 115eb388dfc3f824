"""What a metrics collector asks: one GET of HTTP/1.1 a connection. Everything else of HTTP is elsewhere."""
