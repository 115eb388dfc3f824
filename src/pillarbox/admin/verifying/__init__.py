"""What the checks of incoming mail say, for people and programs who ask: nothing of an installation is needed.

requests.py    a line of JSON as a request, of limited length
answering.py   the answers to requests: checks, run with name servers
verdicts.py    results as values of JSON, in the words that test suites use
origin.py      who handed a saved message over, as its own fields tell
examining.py   all checks of a message, whether or not it is known who handed it over
story.py       what they found, in sentences
"""
