"""The limits of one request, in one table: those that clients are told of (RFC 8620 §2), and those that bound our work.

Each is looked at before the work is done that it bounds. Sizes that depend on the configuration (a message, an upload)
are not here.
"""

from typing import Final

from msgspec import Struct


class Limits(Struct, frozen=True, gc=False, kw_only=True):
    """How much one request may ask. Tests pass others."""

    # --- of the core capability: clients know them

    max_size_upload: int = 50_000_000
    """Octets of one upload."""
    max_concurrent_upload: int = 4
    """Uploads of one account at once."""
    max_size_request: int = 10_000_000
    """Octets of one request. Beyond: 400, `limit`."""
    max_concurrent_requests: int = 8
    """Requests of one account at once, in one process. Beyond: 400, `limit`."""
    max_calls_in_request: int = 64
    """Method calls of one request. Beyond: 400, `limit`."""
    max_objects_in_get: int = 500
    """Ids of one /get. Beyond: requestTooLarge."""
    max_objects_in_set: int = 500
    """Creations, updates and destructions of one /set together. Beyond: requestTooLarge."""

    # --- of the request as JSON

    max_json_depth: int = 64
    """Objects and arrays within each other. Beyond: 400, `limit`."""
    max_json_values: int = 50_000
    """Values of a request, those within others counted as well. Beyond: 400, `limit`."""
    max_created_ids: int = 5_000
    """Creation ids that a request brings along. Beyond: 400, `limit`."""

    # --- of references to results (§3.7). Beyond: invalidResultReference

    max_reference_tokens: int = 32
    """Parts of one pointer."""
    max_reference_visits: int = 20_000
    """Values that the pointers of one call lead through."""
    max_referenced_octets: int = 2_000_000
    """What all references of a request resolve to: characters of texts, and for each value what it costs to look at."""

    # --- of arguments

    max_filter_depth: int = 16
    """Operators within each other. Beyond: unsupportedFilter."""
    max_filter_conditions: int = 256
    """Operators and conditions of one filter. Beyond: unsupportedFilter."""
    max_filter_values: int = 1_000
    """Items of all arrays of one filter. Beyond: unsupportedFilter."""
    max_filter_text: int = 8 * 1024
    """Characters of one text in a condition. Beyond: unsupportedFilter."""
    max_filter_texts: int = 32 * 1024
    """Characters of all texts of one filter. Beyond: unsupportedFilter."""
    max_comparators: int = 16
    """Properties to sort by. Beyond: unsupportedSort."""
    max_query_results: int = 5_000
    """Ids in the answer to one /query: the `limit` that the server sets (§5.5)."""
    max_properties: int = 500
    """Properties that one /get names. Beyond: invalidArguments."""
    max_patches: int = 500
    """Pointers of one PatchObject. Beyond: invalidPatch."""
    max_patch_tokens: int = 8
    """Parts of one of these pointers. Beyond: invalidPatch."""

    # --- of undoing

    undo_kept_s: int = 3600
    """How long a client can undo an Email/set, in seconds."""
    max_undo_tokens: int = 100
    """Calls of an account that can be undone. Beyond: the oldest can't be any more."""

    # --- of blobs (RFC 9404)

    max_data_sources: int = 64
    """What one new blob is made of. Beyond: tooLarge. RFC 9404 §3.1 wants 64 at least."""
    max_created_blob_octets: int = 100_000_000
    """All blobs that one call makes. Beyond: rateLimit."""
    max_blob_data_octets: int = 4_000_000
    """Octets of blobs that one Blob/get returns; downloads are for more. Beyond: requestTooLarge."""
    max_digest_octets: int = 200_000_000
    """Octets that are digested for one Blob/get. Beyond: requestTooLarge."""
    max_parsed_octets: int = 100_000_000
    """Messages that one call reads to find parts in them, or one of any size. Beyond: requestTooLarge, or rateLimit."""

    # --- of the response

    max_response_octets: int = 32 * 1024 * 1024
    """All responses to a request together. Beyond, what only reads is refused: requestTooLarge."""


DEFAULT_LIMITS: Final = Limits()

LARGE_REQUEST_OCTETS: Final = 16 * 1024
"""Larger requests count in the memory budget."""
