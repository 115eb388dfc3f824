"""What every page has, and times."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "frame.skip": ("Skip to the content", "Zum Inhalt springen"),
    "frame.title": ("{title} · {site}", "{title} · {site}"),
    "frame.back": ("Back", "Zurück"),
    "frame.cancel": ("Cancel", "Abbrechen"),
    "frame.account": ("Your account", "Das eigene Konto"),
    # --- times
    "time.now": ("just now", "gerade eben"),
    "time.minute": ("{number} minute ago", "vor {number} Minute"),
    "time.minutes": ("{number} minutes ago", "vor {number} Minuten"),
    "time.hour": ("{number} hour ago", "vor {number} Stunde"),
    "time.hours": ("{number} hours ago", "vor {number} Stunden"),
    "time.day": ("{day} {month} {year}", "{day}. {month} {year}"),
    "time.exactly": ("{day}, {time} UTC", "{day}, {time} UTC"),
    "time.months": (
        "January February March April May June July August September October November December",
        "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    ),
    # --- the front page
    "front.title": ("Mail at {site}", "Mail bei {site}"),
    "front.lead": ("Your mail, on your own server.", "Die eigene Post, auf dem eigenen Server."),
    "front.signed_in": ("Signed in as {login}.", "Angemeldet als {login}."),
    "front.account": ("Open your account", "Konto öffnen"),
    # --- what stops a page
    "stop.elsewhere.title": (
        "This form came from another site",
        "Dieses Formular kam von einer anderen Seite",
    ),
    "stop.elsewhere": (
        (
            "Nothing was done. A page of another site sent this form, or the browser did not say which page did. "
            "Open this site's own page and try again."
        ),
        (
            "Nichts wurde ausgeführt. Das Formular kam von einer fremden Seite, oder der Browser sagte nicht, "
            "von welcher. Bitte die Seite hier öffnen und es noch einmal versuchen."
        ),
    ),
    "stop.plain.title": ("This connection is not protected", "Diese Verbindung ist nicht geschützt"),
    "stop.plain": (
        "Others could read a password on the way. Open this page with https:// in front of its address.",
        "Unterwegs könnten andere das Passwort mitlesen. Bitte die Seite mit https:// am Anfang der Adresse öffnen.",
    ),
    "stop.later.title": ("This does not work at the moment", "Das geht im Moment nicht"),
    "stop.later": (
        "Nothing was changed. Try again in a minute.",
        "Nichts wurde geändert. Bitte in einer Minute noch einmal versuchen.",
    ),
    "stop.unreadable.title": ("This can't be used", "Das lässt sich nicht verwenden"),
    "stop.unreadable": (
        "Nothing was changed. What was sent is too large or can't be read. Go back and try again.",
        (
            "Nichts wurde geändert. Was geschickt wurde, ist zu groß oder nicht lesbar. "
            "Bitte zurückgehen und es noch einmal versuchen."
        ),
    ),
    "stop.forbidden.title": ("This is not allowed", "Das ist nicht erlaubt"),
    "stop.forbidden": (
        "Nothing was changed. The account is not allowed to do this, or is disabled. Ask whoever runs this server.",
        "Nichts wurde geändert. Das Konto darf das nicht oder ist abgeschaltet. Es hilft, wer diesen Server betreibt.",
    ),
    "stop.not_built.title": ("The mail page is not here", "Die Mailseite ist nicht da"),
    "stop.not_built": (
        "This server runs from source of which the page was not built. Run dev/webmail build there, and load again.",
        (
            "Dieser Server läuft aus Quelltext, aus dem die Seite nicht gebaut wurde. "
            "Bitte dort dev/webmail build ausführen und neu laden."
        ),
    ),
    "stop.again": ("Open the sign-in page", "Anmeldeseite öffnen"),
}
