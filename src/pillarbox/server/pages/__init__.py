"""The pages that people see in a browser: signing in, and what belongs to their own security.

A page is made of a template and of plain values. It needs no script (only passkeys do), takes nothing from elsewhere,
and is there in the languages of `words`. What a form asks for is done by verbs of `admin` and `directory` and by
`server.sign_in`; these files read forms, call, and show.
"""
