"""A table for each data type: its properties, what its queries filter and sort by, and arguments of its own.

mailbox.py            Mailbox (RFC 8621 §2)
thread.py             Thread (§3)
email.py              Email and EmailBodyPart (§4)
search_snippet.py     SearchSnippet (§5)
identity.py           Identity (§6)
email_submission.py   EmailSubmission (§7)
vacation_response.py  VacationResponse (§8)
"""
