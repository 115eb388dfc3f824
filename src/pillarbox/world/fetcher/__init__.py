"""Pages of the web, by HTTPS.

    fetcher.py    the interface of every fetcher
    https.py      `HttpsFetcher`: the machine's network
    memory.py     `MemoryFetcher`: given pages, for the demo and for tests
    addresses.py  which addresses are connected to
    response.py   reads one response

Always true: a fetcher never raises because of the web, and whoever chose the URL learns nothing of what this machine
alone can reach: each connection goes to a public address, and the server shows a certificate for the URL's host.
"""

from pillarbox.world.fetcher.fetcher import Fetcher

__all__ = ["Fetcher"]
