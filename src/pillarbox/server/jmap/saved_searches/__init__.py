"""Methods of SavedSearch, an extension of our own: searches of emails that are kept, with their counts.

get.py       SavedSearch/get and /changes
set.py       SavedSearch/set
records.py   a search as its client has it, and as the store has it
counted.py   how many emails match
remembered.py    the counts of a process, as long as no email has changed
"""
