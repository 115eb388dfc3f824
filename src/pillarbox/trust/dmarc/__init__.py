"""DMARC: whether the author's domain stands behind a message, and what it asks for where it does not (RFC 9989).

    authors.py      the author domains of a message's header
    record.py       the policy record: tags, policies, targets of reports
    mistakes.py     what is wrong with a record, for the domain that publishes it
    tree_walk.py    the records from a domain up to its top-level domain; organization and policy found in them
    evaluation.py   the result for one author domain, and for a message
    handling.py     what to do with the message: accept, mark, quarantine, refuse, ask to come again
    description.py  the result as a method of Authentication-Results

`RFC 9989` is read as draft-ietf-dmarc-dmarcbis-41. Records written for RFC 7489 are understood. No public suffix list
is needed: the tree walk says where an organization begins.
"""

from pillarbox.trust.dmarc.authors import Authors, authors
from pillarbox.trust.dmarc.description import described
from pillarbox.trust.dmarc.evaluation import Aligned, Evaluation, Identifier, evaluate, evaluate_message
from pillarbox.trust.dmarc.handling import Action, Chain, Disposition, Mode, decide
from pillarbox.trust.dmarc.record import Policy, Record, Target, parse

__all__ = [
    "Action",
    "Aligned",
    "Authors",
    "Chain",
    "Disposition",
    "Evaluation",
    "Identifier",
    "Mode",
    "Policy",
    "Record",
    "Target",
    "authors",
    "decide",
    "described",
    "evaluate",
    "evaluate_message",
    "parse",
]
