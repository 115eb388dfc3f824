"""The pages of a person's own security.

Each section has a view, which is all that its page shows, a function that makes a page of it, and handlers that read a
view and do what its forms ask for. What could lock somebody out is shown only to who has just proved who they are.
"""
