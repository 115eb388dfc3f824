"""HTTP/1.1 (RFC 9110, 9112) and the frames of WebSocket (RFC 6455), as a server reads and writes them."""
