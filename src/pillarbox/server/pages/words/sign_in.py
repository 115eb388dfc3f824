"""Signing in and out."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "sign_in.title": ("Sign in to {site}", "Bei {site} anmelden"),
    "sign_in.address": ("Address", "Adresse"),
    "sign_in.password": ("Password", "Passwort"),
    "sign_in.submit": ("Sign in", "Anmelden"),
    "sign_in.passkey": ("Use a passkey", "Passkey verwenden"),
    "sign_in.or": ("or with a password", "oder mit Passwort"),
    "sign_in.forgotten": ("Reset a forgotten password", "Vergessenes Passwort zurücksetzen"),
    "sign_in.wrong": (
        "Address and password do not fit together. Check both and try again.",
        "Adresse und Passwort passen nicht zusammen. Bitte beides prüfen und noch einmal versuchen.",
    ),
    "sign_in.no_address": ("Enter your address.", "Bitte die Adresse eingeben."),
    "sign_in.no_password": ("Enter your password.", "Bitte das Passwort eingeben."),
    "sign_in.for_programs": (
        "This password is for a mail program. Use the password of the account here.",
        "Dieses Passwort ist für ein Mailprogramm. Hier bitte das Passwort des Kontos verwenden.",
    ),
    "sign_in.slow": (
        "There are too many attempts at the moment. Wait a minute and try again.",
        "Im Moment gibt es zu viele Versuche. Bitte eine Minute warten und es noch einmal versuchen.",
    ),
    "sign_in.unavailable": (
        "Signing in does not work at the moment. Your mail is safe; try again in a minute.",
        "Anmelden geht im Moment nicht. Die Post ist sicher; bitte in einer Minute noch einmal versuchen.",
    ),
    "sign_in.expired": (
        "That took too long, or there were too many attempts. Sign in once more.",
        "Das hat zu lange gedauert, oder es gab zu viele Versuche. Bitte noch einmal anmelden.",
    ),
    "sign_in.signed_out": ("You are signed out.", "Die Abmeldung ist erfolgt."),
    "sign_in.out": ("Sign out", "Abmelden"),
    # --- the second step
    "code.title": ("Enter a code", "Code eingeben"),
    "code.lead": (
        "Take the six digits from your app, or one of your recovery codes.",
        "Die sechs Ziffern aus der App nehmen, oder einen der Wiederherstellungscodes.",
    ),
    "code.lead.passkey": (
        "Use your passkey. Without it, enter one of your recovery codes.",
        "Bitte den Passkey verwenden. Ohne ihn einen der Wiederherstellungscodes eingeben.",
    ),
    "code.label": ("Code", "Code"),
    "code.label.recovery": ("Recovery code", "Wiederherstellungscode"),
    "code.lost": (
        "Everything lost? The people who run {site} can help.",
        "Alles verloren? Wer {site} betreibt, kann helfen.",
    ),
    "code.submit": ("Go on", "Weiter"),
    "code.wrong": (
        "This code is not right, or was used already. Enter the next one.",
        "Dieser Code stimmt nicht oder wurde schon benutzt. Bitte den nächsten eingeben.",
    ),
    "code.missing": ("Enter a code.", "Bitte einen Code eingeben."),
    "code.or": ("or with a code", "oder mit einem Code"),
    "code.start_again": ("Sign in as somebody else", "Als jemand anders anmelden"),
    "passkey.failed": (
        "The passkey was not accepted. Try again, or sign in with your password.",
        "Der Passkey wurde nicht angenommen. Bitte noch einmal versuchen oder mit Passwort anmelden.",
    ),
    "passkey.script": (
        "A passkey needs a script: allow scripts for this site in the browser.",
        "Ein Passkey braucht ein Skript: bitte Skripte für diese Seite im Browser erlauben.",
    ),
    "passkey.elsewhere": ("Passkeys work at {address} only.", "Passkeys gehen nur unter {address}."),
    # --- proving again
    "prove.title": ("Is it you?", "Wer ist da?"),
    "prove.lead": (
        "What comes next could lock you out, so show once more that it is you.",
        "Was jetzt kommt, könnte aus dem Konto aussperren. Darum bitte noch einmal zeigen, wer da ist.",
    ),
    "prove.password": ("Your password", "Das Passwort"),
    "prove.code": (
        "Code from your app, or a recovery code",
        "Code aus der App, oder ein Wiederherstellungscode",
    ),
    "prove.submit": ("Confirm", "Bestätigen"),
    "prove.wrong": (
        "That was not right. Check it and try again.",
        "Das stimmt nicht. Bitte prüfen und noch einmal versuchen.",
    ),
}
