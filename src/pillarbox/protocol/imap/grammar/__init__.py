"""From a command's arguments to its value: one short function per command, named as the RFC names the rule.

Each takes the cursor at the first argument and returns the value. What is wrong raises `Malformed` (BAD) or
`UnsupportedArgument` (NO). Which command has which function is in `command_table`.
"""
