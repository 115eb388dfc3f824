"""What an operator may ask of a running server, and have it do: messages.py; and how that is sent: client.py."""
