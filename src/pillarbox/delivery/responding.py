"""Answering mail for those who are away (RFC 3834), in the transaction that delivers it.

So an answer is sent once, whatever crashes. It goes to the reverse-path and nowhere else, has the null path itself, and
says that it is automatic: nothing answers it. Only accounts that have this switched on cost anything.
"""

from collections.abc import Iterable

from pillarbox.delivery import route
from pillarbox.delivery.accept import Acceptance, accept
from pillarbox.delivery.placement import Placement
from pillarbox.delivery.route import LocalRecipient, RemoteRecipient
from pillarbox.delivery.signing import signatures_by
from pillarbox.delivery.trace import return_path
from pillarbox.directory import accounts, identities, resolve, vacation
from pillarbox.directory.accounts import Account
from pillarbox.directory.resolve import LeadsToMany, Local
from pillarbox.directory.vacation import Vacation
from pillarbox.mail.address import Address, domain_key
from pillarbox.mail.header import Header
from pillarbox.mail.prepending import prepend
from pillarbox.mail.summary import summarize
from pillarbox.mail.vacation_reply import SubjectMessage, VacationReply, compose, subject_message
from pillarbox.protocol.smtp.path import ReversePath
from pillarbox.queue.spool import Outbound, QueuedRecipient
from pillarbox.store.append import Message
from pillarbox.world.blobs import prepare
from pillarbox.world.database import Transaction

_MOST = 10
"""Addresses that one address of a header may lead to, to be somebody's own."""


def may_answer(placements: Iterable[Placement]) -> bool:
    """Whether anybody whom a message reaches may be away."""
    for placement in placements:  # noqa: SIM110 - each message passes here, and a generator costs more
        if placement.responds:
            return True
    return False


def read_subject_message(reverse_path: ReversePath, octets: bytes) -> SubjectMessage | None:
    """What is to be answered of a message. In a thread, since its header may be long."""
    if not isinstance(reverse_path, Address):  # RFC 3834 §2
        return None
    return subject_message(Header.parse(octets)[0], reverse_path)


def answer(
    tx: Transaction, placements: Iterable[Placement], about: SubjectMessage, token: str, *, now_ms: int
) -> None:
    """Answer for those who are away. `token`: random, of letters and digits."""
    for number, account in enumerate(dict.fromkeys(each.account for each in placements if each.responds)):
        owner = accounts.get(tx, account)
        settings = vacation.get(tx, account)
        if owner is None or not settings.is_on(now_ms) or resolve.may_send_as(tx, account, about.sender):
            continue
        author = _addressed(tx, owner, about)
        if author is None:
            continue
        destination = route.destination(tx, about.sender, octets=0)
        if isinstance(destination, LocalRecipient | RemoteRecipient) and vacation.answered(
            tx, account, about.sender.key.lower(), now_ms=now_ms
        ):
            reply = _reply(tx, owner, author, about, settings, f"{token}-{number}", now_ms)
            _send(tx, owner, reply, destination)


def _addressed(tx: Transaction, account: Account, about: SubjectMessage) -> Address | None:
    """The account's address that the sender has written to, if there is one that leads to nobody else."""
    for address in about.recipients:
        try:
            found = resolve.recipient(tx, address, most=_MOST)
        except LeadsToMany:
            continue
        own = (
            isinstance(found, Local)
            and not found.forwards
            and [one.id for one in found.accounts] == [account.id]
        )
        if own and resolve.may_send_as(tx, account.id, address):
            return address
    return None


def _reply(
    tx: Transaction,
    account: Account,
    author: Address,
    about: SubjectMessage,
    settings: Vacation,
    identity: str,
    now_ms: int,
) -> VacationReply:
    # RFC 3834 §3.1.1: the name is that which the owner has chosen for the address
    named = (each.name for each in identities.listing(tx, account.id) if _is_same(each.email, author))
    return VacationReply(
        author=author,
        name=next(named, account.name),
        about=about,
        subject=settings.subject,
        text=settings.text_body,
        html=settings.html_body,
        identity=identity,
        now_ms=now_ms,
    )


def _is_same(email: str, address: Address) -> bool:
    return not email.startswith("*@") and Address.parse(email).key.lower() == address.key.lower()


def _send(
    tx: Transaction, account: Account, reply: VacationReply, destination: LocalRecipient | RemoteRecipient
) -> None:
    octets, to = compose(reply), reply.about.sender
    placements: tuple[Placement, ...] = ()
    forwards: tuple[Address, ...] = (to,)
    if isinstance(destination, LocalRecipient):
        placements, forwards = destination.placements, destination.forwards
    placed = prepend(return_path("<>"), octets)
    message = Message(prepare(placed), summarize(placed)) if placements else None
    outbound = None
    if forwards:
        signatures = signatures_by(tx, octets, reply.author.domain, now_ms=reply.now_ms)
        outbound = Outbound(
            blob=prepare(prepend(signatures, octets)),
            reverse_path=None,
            # RFC 3834 §3.3
            recipients=tuple(
                QueuedRecipient(str(each), domain_key(each.domain), "NEVER") for each in forwards
            ),
            smtputf8=not octets.isascii() or not all(str(each).isascii() for each in forwards),
            account=account.id,
        )
    accept(tx, Acceptance(placements, message, outbound), now_ms=reply.now_ms)
