"""Labels of Gmail, as Google Takeout writes them into `X-Gmail-Labels`: mailboxes, flags and keywords.

A message is in the mailbox of each of its labels; one that is in Trash or Spam is only there, as in Gmail. "Archived"
means that it is not in the inbox: it is a mailbox where no other label is one. Starred is \\Flagged, Unread is not
\\Seen, Important is the keyword $Important (RFC 8457), a category such as "Category Social" the keyword
Category-Social; `IMAP_$Forwarded` and its like are keywords that a mail program had set.

Takeout writes its own labels in the language of the person; `_NAMES` has those of some languages.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pillarbox.admin.importing.keywords import keyword_of
from pillarbox.mail import encoded_word
from pillarbox.mail import flags as flag_text
from pillarbox.mail.normalization import caseless
from pillarbox.store.mailbox import DEFAULT_MAILBOXES, Role

MAX_LABELS: Final = 200
"""Labels of one message; further ones are dropped."""
MAX_LABELS_OCTETS: Final = 64 * 1024
"""A longer field is cut."""


class _Label(Enum):
    """What a label of Gmail's own means."""

    INBOX = Role.INBOX
    SENT = Role.SENT
    DRAFTS = Role.DRAFTS
    SPAM = Role.JUNK
    TRASH = Role.TRASH
    ARCHIVED = Role.ARCHIVE
    UNREAD = "unread"
    OPENED = "opened"
    STARRED = flag_text.FLAGGED
    IMPORTANT = "$Important"


# In English, German, French, Spanish, Italian, Portuguese, Dutch, Swedish, Danish, Norwegian, Czech, Polish, Russian,
# Japanese, Chinese (simplified, traditional)
_NAMES: Final = {
    _Label.INBOX: (
        "Inbox|Posteingang|Boîte de réception|Recibidos|Posta in arrivo|Caixa de entrada|Postvak IN|Inkorg|Inkorgen"
        "|Indbakke|Innboks|Doručené|Doručená pošta|Odebrane|Входящие|受信トレイ|收件箱|收件匣"
    ),
    _Label.SENT: (
        "Sent|Gesendet|Envoyé|Envoyés|Messages envoyés|Enviado|Enviados|Inviata|Inviati|Posta inviata|Verzonden|Skickat"
        "|Skickade|Sendt|Odesláno|Odeslané|Wysłane|Отправленные|送信済み|送信済みメール|已发送|已发邮件|寄件備份"
    ),
    _Label.DRAFTS: (
        "Drafts|Draft|Entwürfe|Entwurf|Brouillons|Brouillon|Borradores|Borrador|Bozze|Bozza|Rascunhos|Rascunho|Concepten"
        "|Concept|Utkast|Kladder|Kladde|Koncepty|Koncept|Wersje robocze|Robocze|Черновики|下書き|草稿"
    ),
    _Label.SPAM: "Spam|Junk|Skräppost|Søppelpost|Спам|迷惑メール|垃圾邮件|垃圾郵件",
    _Label.TRASH: (
        "Trash|Bin|Papierkorb|Corbeille|Papelera|Cestino|Lixeira|Lixo|Prullenbak|Papperskorg|Papperskorgen|Papirkurv"
        "|Papirkurven|Papirkorg|Koš|Kosz|Корзина|ゴミ箱|已删除邮件|垃圾桶"
    ),
    _Label.ARCHIVED: (
        "Archived|Archiviert|Archivés|Archivé|Messages archivés|Archivados|Archivado|Archiviati|Archiviata|Archiviato"
        "|Arquivados|Arquivadas|Arquivado|Gearchiveerd|Arkiverade|Arkiverat|Arkiveret|Arkivert|Archivováno|Archivované"
        "|Zarchiwizowane|Архивированные|アーカイブ|アーカイブ済み|已归档|已封存"
    ),
    _Label.UNREAD: (
        "Unread|Ungelesen|Non lus|Non lu|No leídos|No leído|Da leggere|Non letti|Non letto|Não lidos|Não lidas"
        "|Não lida|Não lido|Ongelezen|Olästa|Oläst|Ulæst|Ulæste|Ulest|Uleste"
        "|Nepřečtené|Nieprzeczytane|Непрочитанные|未読|未读|未讀"
    ),
    _Label.OPENED: (
        "Opened|Geöffnet|Ouvert|Ouverts|Abierto|Abiertos|Aperto|Aperti|Aberto|Abertos|Abertas|Geopend|Öppnade|Öppnat"
        "|Åbnet|Åpnet|Otevřené|Otevřeno|Otwarte|Открытые|開封済み|已打开|已開啟"
    ),
    _Label.STARRED: (
        "Starred|Markiert|Suivis|Messages suivis|Favoris|Destacados|Destacado|Speciali|Con estrella|Com estrela"
        "|Met ster|Stjärnmärkta|Stjärnmärkt|Stjernemarkeret|Stjernemerket|S hvězdičkou|Oznaczone gwiazdką|Помеченные"
        "|スター付き|已加星标|已加星號"
    ),
    _Label.IMPORTANT: (
        "Important|Wichtig|Importants|Importante|Importantes|Importanti|Belangrijk|Viktigt|Viktiga|Vigtigt|Vigtig|Viktig"
        "|Důležité|Ważne|Важные|重要|重要邮件|重要郵件"
    ),
}
_MEANINGS: Final = {caseless(name): meaning for meaning, names in _NAMES.items() for name in names.split("|")}
_CATEGORY: Final = re.compile(
    r"(?:category|kategorie|catégorie|categoría|categoria|categorie|kategori|kategoria|категория|カテゴリ|类别|類別)"
    r"[ ]?:?[ ]?([^ ].{0,80})",
    re.IGNORECASE,
)
_SET_BY_IMAP: Final = "IMAP_"
_MAILBOXES: Final = {role: name for name, role in DEFAULT_MAILBOXES.items()}


@dataclass(frozen=True, slots=True)
class Labelled:
    """Where a message belongs, and its flags."""

    mailboxes: tuple[tuple[str, ...], ...]
    """The levels of the name of each, as Gmail has them."""
    flags: tuple[str, ...]


def read(field: bytes) -> Labelled:
    """What the value of `X-Gmail-Labels` says, folded and with encoded words as it is."""
    places, own, flags = set[Role](), dict[tuple[str, ...], None](), {flag_text.SEEN: None}
    for label in split(encoded_word.decode(field[:MAX_LABELS_OCTETS])):
        meaning = _MEANINGS.get(caseless(label))
        if meaning is _Label.UNREAD:
            flags.pop(flag_text.SEEN, None)
        elif meaning in (_Label.STARRED, _Label.IMPORTANT):
            flags[str(meaning.value)] = None
        elif meaning is not None:
            if isinstance(meaning.value, Role):
                places.add(meaning.value)
        elif keyword := _keyword(label):
            flags[keyword] = None
        else:
            own[tuple(label.split("/"))] = None
    if Role.DRAFTS in places:
        flags[flag_text.DRAFT] = None
    return Labelled(tuple(_mailboxes(places, own)), tuple(flags))


def split(text: str) -> list[str]:
    """The labels of a list: separated by commas; one with a comma is in quotes."""
    labels = list[str]()
    rest = text.replace("\N{NO-BREAK SPACE}", " ").strip()
    while rest and len(labels) < MAX_LABELS:
        if rest[0] == '"' and (end := (rest + ",").find('",', 1)) > 0:
            label, rest = rest[1:end], rest[end + 2 :]
        else:
            label, _, rest = rest.partition(",")
        labels.append(label.strip())
        rest = rest.lstrip()
    return [label for label in labels if label]


def _mailboxes(places: set[Role], own: dict[tuple[str, ...], None]) -> list[tuple[str, ...]]:
    for only in (Role.TRASH, Role.JUNK):
        if only in places:
            return [(_MAILBOXES[only],)]
    found = [(_MAILBOXES[place],) for place in (Role.INBOX, Role.SENT, Role.DRAFTS) if place in places]
    return [*found, *own] or [(_MAILBOXES[Role.ARCHIVE],)]


def _keyword(label: str) -> str | None:
    """The keyword that stands for a label which is none of the person's own."""
    if label.startswith(_SET_BY_IMAP):
        return keyword_of(label.removeprefix(_SET_BY_IMAP)) or None
    if found := _CATEGORY.fullmatch(label):
        return "Category-" + keyword_of(found[1].strip('"„“”«» '))
    return None
