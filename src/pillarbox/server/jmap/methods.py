"""The table of handlers: which function carries out which method.

Names and capabilities are in `protocol.jmap.capabilities`; a method without a handler is not known yet.
"""

from collections.abc import Mapping
from typing import Any, Final

from pillarbox.server.jmap import (
    blob_get,
    blob_lookup,
    blob_upload,
    identities,
    push_subscriptions,
    quotas,
    threads,
    vacation,
)
from pillarbox.server.jmap.contacts import books, vcards
from pillarbox.server.jmap.contacts import copying as contacts_copying
from pillarbox.server.jmap.contacts import get as contacts_get
from pillarbox.server.jmap.contacts import query as contacts_query
from pillarbox.server.jmap.contacts import set as contacts_set
from pillarbox.server.jmap.context import Context, Handler
from pillarbox.server.jmap.emails import (
    changes,
    copying,
    get,
    importing,
    parsing,
    query,
    setting,
    snippets,
    undo,
)
from pillarbox.server.jmap.mailboxes import get as mailbox_get
from pillarbox.server.jmap.mailboxes import query as mailbox_query
from pillarbox.server.jmap.mailboxes import set as mailbox_set
from pillarbox.server.jmap.notifications import parse as mdn_parse
from pillarbox.server.jmap.notifications import send as mdn_send
from pillarbox.server.jmap.saved_searches import get as saved_searches_get
from pillarbox.server.jmap.saved_searches import set as saved_searches_set
from pillarbox.server.jmap.submissions import get as submissions_get
from pillarbox.server.jmap.submissions import query as submissions_query
from pillarbox.server.jmap.submissions import set as submissions_set
from pillarbox.server.jmap.traces import get as traces


async def echo(_: Context, arguments: dict[str, Any]) -> dict[str, Any]:
    """RFC 8620 §4: the arguments."""
    return arguments


HANDLERS: Final[Mapping[str, Handler]] = {
    "Core/echo": echo,
    "PushSubscription/get": push_subscriptions.get,
    "PushSubscription/set": push_subscriptions.set_subscriptions,
    "Mailbox/get": mailbox_get.get,
    "Mailbox/changes": mailbox_get.changes,
    "Mailbox/query": mailbox_query.query,
    "Mailbox/queryChanges": mailbox_query.query_changes,
    "Mailbox/set": mailbox_set.set_mailboxes,
    "Thread/get": threads.get,
    "Thread/changes": threads.changes,
    "Email/get": get.get,
    "Email/changes": changes.changes,
    "Email/query": query.query,
    "Email/queryChanges": query.query_changes,
    "Email/set": setting.set_emails,
    "Email/copy": copying.copy,
    "Email/import": importing.import_emails,
    "Email/parse": parsing.parse,
    "Email/undo": undo.undo,
    "SearchSnippet/get": snippets.get,
    "Blob/copy": blob_upload.copy,
    "Blob/upload": blob_upload.upload,
    "Blob/get": blob_get.get,
    "Blob/lookup": blob_lookup.lookup,
    "Quota/get": quotas.get,
    "Quota/changes": quotas.changes,
    "Quota/query": quotas.query,
    "Quota/queryChanges": quotas.query_changes,
    "Identity/get": identities.get,
    "Identity/changes": identities.changes,
    "Identity/set": identities.set_identities,
    "EmailSubmission/get": submissions_get.get,
    "EmailSubmission/changes": submissions_get.changes,
    "EmailSubmission/query": submissions_query.query,
    "EmailSubmission/queryChanges": submissions_query.query_changes,
    "EmailSubmission/set": submissions_set.set_submissions,
    "MDN/send": mdn_send.send,
    "MDN/parse": mdn_parse.parse,
    "VacationResponse/get": vacation.get,
    "VacationResponse/set": vacation.set_vacation,
    "MessageTrace/get": traces.get,
    "SavedSearch/get": saved_searches_get.get,
    "SavedSearch/changes": saved_searches_get.changes,
    "SavedSearch/set": saved_searches_set.set_searches,
    "AddressBook/get": books.get,
    "AddressBook/changes": books.changes,
    "AddressBook/set": books.set_books,
    "ContactCard/get": contacts_get.get,
    "ContactCard/changes": contacts_get.changes,
    "ContactCard/query": contacts_query.query,
    "ContactCard/queryChanges": contacts_query.query_changes,
    "ContactCard/set": contacts_set.set_cards,
    "ContactCard/copy": contacts_copying.copy,
    "ContactCard/parse": vcards.parse,
    "ContactCard/export": vcards.export,
}
