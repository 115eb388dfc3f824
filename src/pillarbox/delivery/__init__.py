"""Where it goes: accepting a message and deciding what becomes of it."""
