"""Setting a password without the old one, and confirming a recovery address."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    # --- asking for a link
    "reset.ask.title": ("Forgotten password", "Passwort vergessen"),
    "reset.ask.lead": (
        "A link for a new password is sent to the recovery address that you have confirmed.",
        "Ein Link für ein neues Passwort geht an die bestätigte Ersatzadresse.",
    ),
    "reset.ask.submit": ("Send link", "Link senden"),
    "reset.ask.no_address": ("Enter your address.", "Bitte die Adresse eingeben."),
    "reset.ask.slow": (
        "Too many links were asked for from here. Wait an hour and try again.",
        "Von hier wurden zu viele Links angefordert. Bitte eine Stunde warten und es noch einmal versuchen.",
    ),
    "reset.asked.title": ("Look into your other mailbox", "Bitte im anderen Postfach nachsehen"),
    "reset.asked": (
        (
            "If the account has a recovery address, a link is on its way there. It works once, within an hour. "
            "Some links an hour are sent at most."
        ),
        (
            "Wenn das Konto eine Ersatzadresse hat, ist ein Link dorthin unterwegs. Er gilt einmal, "
            "eine Stunde lang. Je Stunde werden höchstens einige Links gesendet."
        ),
    ),
    "reset.help": (
        "No recovery address, or no link? The people who run {site} can give you one.",
        "Keine Ersatzadresse, oder kein Link? Wer {site} betreibt, kann einen geben.",
    ),
    "reset.off.title": ("Ask for a new password", "Um ein neues Passwort bitten"),
    "reset.off": (
        "Links are not sent by mail here. The people who run {site} can give you one.",
        "Links werden hier nicht per Mail gesendet. Wer {site} betreibt, kann einen geben.",
    ),
    # --- using it
    "reset.gone": (
        "This link can't be used: it works once and for a limited time, and a newer one ends it. Ask for another.",
        (
            "Dieser Link gilt nicht: Er wirkt einmal, begrenzte Zeit, und bis es einen neueren gibt. "
            "Bitte einen anderen anfordern."
        ),
    ),
    "reset.set.title": ("Set a new password", "Neues Passwort setzen"),
    "reset.set.lead": (
        "For {login}. All browsers are signed out, and mail programs without an app password.",
        "Für {login}. Alle Browser werden abgemeldet, und Mailprogramme ohne App-Passwort.",
    ),
    "reset.set.new": ("New password", "Neues Passwort"),
    "reset.set.new.hint": ("At least {number} characters", "Mindestens {number} Zeichen"),
    "reset.set.again": ("New password once more", "Neues Passwort noch einmal"),
    "reset.set.code": (
        "Code from your app, or a recovery code",
        "Code aus der App, oder ein Wiederherstellungscode",
    ),
    "reset.set.code.hint": (
        "The account has a second step, which is asked for here as well.",
        "Das Konto hat einen zweiten Schritt, nach dem auch hier gefragt wird.",
    ),
    "reset.set.revoke": ("Revoke all app passwords", "Alle App-Passwörter widerrufen"),
    "reset.set.revoke.hint": (
        "Tick this if somebody else may have used the account. Otherwise they stay as they are.",
        "Ankreuzen, wenn jemand anderes das Konto benutzt haben könnte. Sonst bleiben sie, wie sie sind.",
    ),
    "reset.set.submit": ("Set password", "Passwort setzen"),
    "reset.set.missing": ("Enter a new password.", "Bitte ein neues Passwort eingeben."),
    "reset.set.differ": (
        "The two are not the same. Enter the new password twice.",
        "Beide sind nicht gleich. Bitte das neue Passwort zweimal eingeben.",
    ),
    "reset.set.short": (
        "This password is too short: it needs {number} characters.",
        "Dieses Passwort ist zu kurz: Es braucht {number} Zeichen.",
    ),
    "reset.set.stolen": (
        "This password is among stolen ones, which are guessed first. Choose another.",
        "Dieses Passwort ist unter den gestohlenen, die zuerst geraten werden. Bitte ein anderes wählen.",
    ),
    "reset.set.unusable": (
        "This password can't be used. Choose another.",
        "Dieses Passwort lässt sich nicht verwenden. Bitte ein anderes wählen.",
    ),
    "reset.set.wrong": (
        "This code is not right, or was used already. Enter another.",
        "Dieser Code stimmt nicht oder wurde schon benutzt. Bitte einen anderen eingeben.",
    ),
    "reset.done.title": ("The password is set", "Das Passwort ist gesetzt"),
    "reset.done": (
        "Sign in with it, and enter it in mail programs that have no app password.",
        "Bitte damit anmelden, und es in Mailprogramme ohne App-Passwort eingeben.",
    ),
    "reset.done.staying": (
        "Passkeys, app passwords and the recovery address stay. Look whether all that there are are yours:",
        "Passkeys, App-Passwörter und die Ersatzadresse bleiben. Bitte nachsehen, ob alle die eigenen sind:",
    ),
    # --- a recovery address
    "confirm.title": ("Confirm recovery address", "Ersatzadresse bestätigen"),
    "confirm.lead": (
        "If somebody forgets the password of {login}, a link for a new one may then be sent to {address}.",
        "Wird das Passwort von {login} vergessen, kann ein Link für ein neues dann an {address} gehen.",
    ),
    "confirm.submit": ("Confirm", "Bestätigen"),
    "confirm.done.title": ("The address is confirmed", "Die Adresse ist bestätigt"),
    "confirm.done": (
        "Links for a new password may be sent to it from now on.",
        "Links für ein neues Passwort können von jetzt an dorthin gehen.",
    ),
    "confirm.gone.title": ("This link can't be used", "Dieser Link gilt nicht"),
    "confirm.gone": (
        "It works once, within a day, and a newer one ends it. Enter the address once more in your account.",
        (
            "Er wirkt einmal, einen Tag lang, und bis es einen neueren gibt. Bitte die Adresse im Konto noch einmal "
            "eingeben."
        ),
    ),
}
