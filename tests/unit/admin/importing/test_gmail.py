"""Labels of Google Takeout."""

import pytest

from pillarbox.admin.importing import gmail
from pillarbox.admin.importing.gmail import Labelled


@pytest.mark.parametrize(
    ("field", "mailboxes", "flags"),
    [
        (b"Inbox,Opened", [("INBOX",)], ["\\Seen"]),
        (b"Inbox,Unread", [("INBOX",)], []),
        (b"Inbox,Sent,Starred,Important", [("INBOX",), ("Sent",)], ["\\Seen", "\\Flagged", "$Important"]),
        (b"Drafts", [("Drafts",)], ["\\Seen", "\\Draft"]),
        (b"Archived,Opened", [("Archive",)], ["\\Seen"]),
        (b"Opened", [("Archive",)], ["\\Seen"]),
        (b"Archived,Work", [("Work",)], ["\\Seen"]),
        (b"Inbox,Work,Home/Garden", [("INBOX",), ("Work",), ("Home", "Garden")], ["\\Seen"]),
        (b"Trash,Inbox,Work,Unread", [("Trash",)], []),
        (b"Spam,Unread", [("Junk",)], []),
        (b"Inbox,Category Social", [("INBOX",)], ["\\Seen", "Category-Social"]),
        (b"Inbox,Category Forums,Category Updates", [("INBOX",)], ["\\Seen", "Category-Forums", "Category-Updates"]),
        (b"Inbox,IMAP_$Forwarded,IMAP_NotJunk", [("INBOX",)], ["\\Seen", "$Forwarded", "NotJunk"]),
        (b'Inbox,"Kunden, alt",Inbox', [("INBOX",), ("Kunden, alt",)], ["\\Seen"]),
        (b"", [("Archive",)], ["\\Seen"]),
        (b',,"', [('"',)], ["\\Seen"]),
        (b" =?UTF-8?Q?Posteingang,Wichtig,Ungelesen,Kategorie:_=22Neuigkeiten=22?=\r\n",
         [("INBOX",)], ["$Important", "Category-Neuigkeiten"]),
        ((b" =?UTF-8?Q?Messages_archiv=C3=A9s,Ouvert,Cat=C3=A9gorie=C2=A0:_E-mails_?=\r\n"
          b' =?UTF-8?Q?personnels,"Culture,_associations"?=\r\n'),
         [("Culture, associations",)], ["\\Seen", "Category-E-mails_personnels"]),
        (b"=?UTF-8?Q?Archiv=C3=A9s,Envoy=C3=A9?=", [("Sent",)], ["\\Seen"]),
        ("Doručené,Nepřečtené,Kategorie: Sociální sítě".encode(),
         [("INBOX",)], ["Category-Soci&AOE-ln&AO0-_s&AO0-t&ARs-"]),
    ],
)  # fmt: skip
def test_labels(field: bytes, mailboxes: list[tuple[str, ...]], flags: list[str]) -> None:
    assert gmail.read(field) == Labelled(tuple(mailboxes), tuple(flags))


def test_labels_have_a_limit() -> None:
    many = ",".join(f"label {number}" for number in range(1_000_000)).encode()
    assert len(gmail.read(many).mailboxes) == gmail.MAX_LABELS
