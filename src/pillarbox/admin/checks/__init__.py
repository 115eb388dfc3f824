"""What is wrong with a provider's surroundings, each finding with what to do about it.

    finding.py       what a check says
    dns.py           the names other providers and mail programs look up
    certificates.py  what clients are shown
    machine.py       rights, room on the disk, ports

Checks change nothing.
"""
