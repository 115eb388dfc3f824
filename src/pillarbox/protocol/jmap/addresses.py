"""Where the resources of a JMAP server are (RFC 8620 §2), below its base URL.

What has braces is a URI template of level 1 (RFC 6570).
"""

from typing import Final

SESSION_PATH: Final = "/jmap/session"
API_PATH: Final = "/jmap/api/"
SOCKET_PATH: Final = "/jmap/ws/"
DOWNLOAD_PATH: Final = "/jmap/download/{accountId}/{blobId}/{name}?accept={type}"
UPLOAD_PATH: Final = "/jmap/upload/{accountId}/"
EVENT_SOURCE_PATH: Final = "/jmap/eventsource/?types={types}&closeafter={closeafter}&ping={ping}"
