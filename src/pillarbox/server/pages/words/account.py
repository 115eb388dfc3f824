"""A person's own security."""

from typing import Final

WORDS: Final[dict[str, tuple[str, str]]] = {
    "overview.title": ("Security", "Sicherheit"),
    "overview.lead": (
        "How {login} is protected, and who uses it.",
        "Wie {login} geschützt ist, und wer das Konto benutzt.",
    ),
    # --- after something was done
    "done.password": ("The password is changed.", "Das Passwort ist geändert."),
    "done.revoked": (
        "The app password is revoked. The program can't sign in any more.",
        "Das App-Passwort ist widerrufen. Das Programm kann sich nicht mehr anmelden.",
    ),
    "done.ended": ("That browser is signed out.", "Dieser Browser ist abgemeldet."),
    "done.ended_before": ("That browser was signed out already.", "Dieser Browser war schon abgemeldet."),
    "done.ended_others": ("All other browsers are signed out.", "Alle anderen Browser sind abgemeldet."),
    "done.factor_on": (
        "The new app counts from now on. Codes of the former one are no longer accepted.",
        "Ab jetzt zählt die neue App. Codes der bisherigen werden nicht mehr angenommen.",
    ),
    "done.factor_off": (
        "The app is removed. The password alone is enough to sign in.",
        "Die App ist entfernt. Zum Anmelden genügt das Passwort.",
    ),
    "done.app_off": (
        "The app is removed. Passkeys are still asked for.",
        "Die App ist entfernt. Nach Passkeys wird weiterhin gefragt.",
    ),
    "done.notices_on": (
        "A mail will tell of each new device.",
        "Bei jedem neuen Gerät kommt jetzt eine Mail.",
    ),
    "done.notices_off": (
        "No mail will tell of new devices.",
        "Bei neuen Geräten kommt keine Mail mehr.",
    ),
    "done.program_ended": (
        "The program is signed out. To keep it out for good, change the password.",
        "Das Programm ist abgemeldet. Damit es nicht wiederkommt: das Passwort ändern.",
    ),
    "done.forgotten": (
        "The device is forgotten. It counts as new when it signs in again.",
        "Das Gerät ist vergessen. Meldet es sich wieder an, gilt es als neu.",
    ),
    "done.passkey_added": ("The passkey is added.", "Der Passkey ist hinzugefügt."),
    "done.renamed": ("The passkey has another name.", "Der Passkey hat einen anderen Namen."),
    "done.passkey_removed": (
        "The passkey is removed here. Delete it on its device as well.",
        "Der Passkey ist hier entfernt. Bitte ihn auch auf seinem Gerät löschen.",
    ),
    "done.last_passkey_removed": (
        "The passkey is removed. The password alone is enough to sign in.",
        "Der Passkey ist entfernt. Zum Anmelden genügt das Passwort.",
    ),
    "done.address_sent": (
        "A link is on its way to that address. The address counts once the link has been opened.",
        "Ein Link ist an diese Adresse unterwegs. Sie zählt, sobald er geöffnet wurde.",
    ),
    "done.address_removed": ("The recovery address is removed.", "Die Ersatzadresse ist entfernt."),
    # --- password
    "password.title": ("Password", "Passwort"),
    "password.state": ("Change the password of the account", "Das Passwort des Kontos ändern"),
    "password.lead": (
        "For signing in here, and in mail programs that have no app password.",
        "Für die Anmeldung hier, und in Mailprogrammen ohne App-Passwort.",
    ),
    "password.lead.second": (
        "For signing in here. Mail programs need app passwords, since the account has a second step.",
        "Für die Anmeldung hier. Mailprogramme brauchen App-Passwörter, denn das Konto hat einen zweiten Schritt.",
    ),
    "password.staying": (
        "A new password ends none of these. Look whether all of them are yours:",
        "Diese bleiben bei einem neuen Passwort, wie sie sind. Bitte nachsehen, ob alle die eigenen sind:",
    ),
    "password.old": ("Present password", "Bisheriges Passwort"),
    "password.new": ("New password", "Neues Passwort"),
    "password.new.hint": ("At least {number} characters", "Mindestens {number} Zeichen"),
    "password.again": ("New password once more", "Neues Passwort noch einmal"),
    "password.keep": ("Stay signed in everywhere else", "Überall sonst angemeldet bleiben"),
    "password.keep.hint": (
        "Otherwise all other browsers and mail programs are signed out. App passwords stay as they are.",
        "Sonst werden alle anderen Browser und Mailprogramme abgemeldet. App-Passwörter bleiben, wie sie sind.",
    ),
    "password.change": ("Change password", "Passwort ändern"),
    "password.wrong": (
        "This is not the present password. Nothing was changed.",
        "Das ist nicht das bisherige Passwort. Nichts wurde geändert.",
    ),
    "password.differ": (
        "The two are not the same. Enter the new password twice.",
        "Beide sind nicht gleich. Bitte das neue Passwort zweimal eingeben.",
    ),
    "password.short": (
        "That is too short: {number} characters are needed.",
        "Das ist zu kurz: {number} Zeichen sind nötig.",
    ),
    "password.stolen": (
        "This password is among stolen ones, which are guessed first. Choose another.",
        "Dieses Passwort ist unter gestohlenen, die zuerst geraten werden. Bitte ein anderes wählen.",
    ),
    "password.unusable": (
        "This password can't be used. Choose another.",
        "Dieses Passwort ist nicht verwendbar. Bitte ein anderes wählen.",
    ),
    # --- second factor
    "second_factor.title": ("Two steps", "Zwei Schritte"),
    "second_factor.on": (
        "Signing in takes the password and a second step",
        "Zum Anmelden braucht es das Passwort und einen zweiten Schritt",
    ),
    "second_factor.off": (
        "Signing in takes the password alone",
        "Zum Anmelden genügt das Passwort",
    ),
    "second_factor.lead": (
        "Whoever finds out the password still can't sign in without the second step.",
        "Wer das Passwort herausfindet, kommt ohne den zweiten Schritt noch nicht hinein.",
    ),
    "second_factor.app": ("Codes from an app", "Codes aus einer App"),
    "second_factor.app.off": (
        "An app on the phone shows a new code every half minute. It is asked for after the password.",
        "Eine App auf dem Telefon zeigt jede halbe Minute einen neuen Code. Er wird nach dem Passwort abgefragt.",
    ),
    "second_factor.app.on": ("Set up on {when}", "Eingerichtet am {when}"),
    "second_factor.programs.first": (
        (
            "Mail programs with the account's password are signed out then, and other browsers that have signed in "
            "with it alone. Make an app password for each program."
        ),
        (
            "Mailprogramme mit dem Passwort des Kontos werden dann abgemeldet, und andere Browser, die sich nur "
            "damit angemeldet haben. Bitte für jedes Programm ein App-Passwort machen."
        ),
    ),
    "second_factor.programs.on": (
        "Mail programs need an app password each: the password of the account does not let them in.",
        "Mailprogramme brauchen je ein App-Passwort: Mit dem Passwort des Kontos kommen sie nicht hinein.",
    ),
    "second_factor.set_up": ("Set up an app", "App einrichten"),
    "second_factor.replace": ("Set up another app", "Andere App einrichten"),
    "second_factor.remove": ("Remove the app", "App entfernen"),
    "second_factor.remove.title": ("Remove the app?", "App entfernen?"),
    "second_factor.remove.text": (
        (
            "Its codes are no longer asked for. Unless there is another second step, recovery codes are removed as "
            "well, and the password alone is enough, in mail programs too."
        ),
        (
            "Nach ihren Codes wird nicht mehr gefragt. Ohne anderen zweiten Schritt werden auch die "
            "Wiederherstellungscodes entfernt, und das Passwort genügt, auch in Mailprogrammen."
        ),
    ),
    "set_up.title": ("Set up an app", "App einrichten"),
    "set_up.scan": (
        "Scan this picture with an authenticator app on the phone.",
        "Dieses Bild mit einer Authenticator-App auf dem Telefon scannen.",
    ),
    "set_up.picture": ("Picture for the app to scan", "Bild zum Scannen für die App"),
    "set_up.type": ("Or enter this key in the app:", "Oder diesen Schlüssel in die App eingeben:"),
    "set_up.code": ("Code that the app shows", "Code, den die App zeigt"),
    "set_up.confirm": ("Turn on", "Einschalten"),
    "set_up.wrong": (
        "This code is not right. Check the clock of the phone, and enter the code that the app shows now.",
        "Dieser Code stimmt nicht. Bitte die Uhr des Telefons prüfen und den Code eingeben, den die App jetzt zeigt.",
    ),
    "codes.title": ("Recovery codes", "Wiederherstellungs\u00adcodes"),
    "codes.once": (
        (
            "Print these codes or write them down: they are shown only now. "
            "Each lets you in once when phone or passkey is lost."
        ),
        (
            "Diese Codes ausdrucken oder aufschreiben: Sie werden nur jetzt gezeigt. "
            "Jeder gilt einmal, wenn Telefon oder Passkey verloren sind."
        ),
    ),
    "codes.kept": ("Go on", "Weiter"),
    "codes.left.none": ("None is left. Make new ones.", "Keiner ist übrig. Bitte neue machen."),
    "codes.left.one": ("{number} is left.", "{number} ist übrig."),
    "codes.left.many": ("{number} are left.", "{number} sind übrig."),
    "codes.new": ("Make new codes", "Neue Codes machen"),
    "codes.new.title": ("Make new recovery codes?", "Neue Wiederherstellungscodes machen?"),
    "codes.new.text": (
        "Those that you have are then of no use any more.",
        "Die bisherigen gelten dann nicht mehr.",
    ),
    # --- app passwords
    "app_passwords.title": ("App passwords", "App-Passwörter"),
    "app_passwords.lead": (
        "Each mail program gets a password of its own, which can be revoked without touching the others.",
        "Jedes Mailprogramm bekommt ein eigenes Passwort, das sich einzeln widerrufen lässt.",
    ),
    "app_passwords.count.none": ("No program has one", "Kein Programm hat eines"),
    "app_passwords.count.one": ("One program has one", "Ein Programm hat eines"),
    "app_passwords.count.many": ("{number} programs have one", "{number} Programme haben eines"),
    "app_passwords.nothing": ("There is none yet.", "Es gibt noch keines."),
    "app_passwords.new": ("Add an app password", "App-Passwort hinzufügen"),
    "app_passwords.new.title": ("New app password", "Neues App-Passwort"),
    "app_passwords.make": ("Make password", "Passwort machen"),
    "app_passwords.name": ("Name", "Name"),
    "app_passwords.name.hint": (
        "So that you recognise the program or device, such as Thunderbird at home",
        "Um Programm oder Gerät wiederzuerkennen, etwa: Thunderbird zu Hause",
    ),
    "app_passwords.reach": ("What it is for", "Wofür es gilt"),
    "app_passwords.reach.all": ("Everything", "Alles"),
    "app_passwords.reach.some": ("Only what is ticked", "Nur für das Angekreuzte"),
    "app_passwords.read_only": ("Read only", "Nur lesen"),
    "app_passwords.read_only.hint": (
        "The program can neither change nor send anything.",
        "Das Programm kann weder etwas ändern noch senden.",
    ),
    "app_passwords.days": ("Expires", "Läuft ab"),
    "app_passwords.days.none": ("Never", "Nie"),
    "app_passwords.days.some": ("After {number} days", "Nach {number} Tagen"),
    "app_passwords.networks": ("Only from these networks", "Nur aus diesen Netzen"),
    "app_passwords.networks.hint": (
        "Leave empty for everywhere. For example 192.0.2.0/24",
        "Leer lassen: von überall. Zum Beispiel 192.0.2.0/24",
    ),
    "app_passwords.no_name": ("Enter a name that can be seen.", "Bitte einen sichtbaren Namen eingeben."),
    "app_passwords.long_name": (
        "The name is too long: at most {number} characters.",
        "Der Name ist zu lang: höchstens {number} Zeichen.",
    ),
    "app_passwords.taken": (
        "There is an app password with this name. Choose another.",
        "Es gibt schon ein App-Passwort mit diesem Namen. Bitte einen anderen wählen.",
    ),
    "app_passwords.full": (
        "There are {number} app passwords already. Revoke one that is not used.",
        "Es gibt schon {number} App-Passwörter. Bitte ein unbenutztes widerrufen.",
    ),
    "app_passwords.no_scope": ("Tick what it is for.", "Bitte ankreuzen, wofür es gilt."),
    "app_passwords.no_network": (
        "That is no list of networks. Write 192.0.2.0/24, 2001:db8::/32 or an address, with commas between them.",
        (
            "Das ist keine Liste von Netzen. Bitte 192.0.2.0/24, 2001:db8::/32 oder eine Adresse schreiben, "
            "mit Kommas dazwischen."
        ),
    ),
    "app_passwords.only_from": ("only from {networks}", "nur aus {networks}"),
    "app_passwords.made": ("made {when}", "angelegt {when}"),
    "app_passwords.never_used": ("never used", "nie benutzt"),
    "app_passwords.used": ("used {when}", "benutzt {when}"),
    "app_passwords.used_from": ("used {when} from {address}", "benutzt {when} von {address}"),
    "app_passwords.expires": ("expires {when}", "läuft ab {when}"),
    "app_passwords.expired": ("expired {when}", "abgelaufen {when}"),
    "app_passwords.revoke": ("Revoke", "Widerrufen"),
    "app_passwords.revoke.of": ("Revoke {name}", "{name} widerrufen"),
    "app_passwords.revoke.title": ("Revoke {name}?", "{name} widerrufen?"),
    "app_passwords.revoke.text": (
        "The program that uses it is signed out at once. The password can't be brought back.",
        "Das Programm, das es benutzt, wird sofort abgemeldet. Das Passwort lässt sich nicht zurückholen.",
    ),
    "app_passwords.made.title": ("App password for {name}", "App-Passwort für {name}"),
    "app_passwords.made.once": (
        "Enter this password in the program now: it is not shown again.",
        "Dieses Passwort jetzt in das Programm eingeben: Es wird nicht noch einmal gezeigt.",
    ),
    "app_passwords.made.done": ("Go on", "Weiter"),
    "app_passwords.enter": ("What to enter in the program", "Was in das Programm einzugeben ist"),
    "app_passwords.enter.login": ("User name", "Benutzername"),
    "app_passwords.enter.above": ("the one above", "das obige"),
    "server.imap": ("Incoming server (IMAP)", "Posteingangsserver (IMAP)"),
    "server.pop3": ("Incoming server (POP3)", "Posteingangsserver (POP3)"),
    "server.smtp": ("Outgoing server (SMTP)", "Postausgangsserver (SMTP)"),
    "server.port": ("Port {port}, with TLS", "Port {port}, mit TLS"),
    "server.web": ("Address for web clients", "Adresse für Web-Programme"),
    "scope.mail": ("Everything", "Alles"),
    "scope.imap": ("Mail in folders (IMAP)", "Mail in Ordnern (IMAP)"),
    "scope.pop3": ("Fetching mail (POP3)", "Mail abholen (POP3)"),
    "scope.smtp": ("Sending (SMTP)", "Senden (SMTP)"),
    "scope.jmap": ("Web programs (JMAP)", "Web-Programme (JMAP)"),
    "scope.dav": ("Contacts and calendars", "Kontakte und Kalender"),
    "scope.sieve": ("Filter rules", "Filterregeln"),
    # --- devices
    "devices.title": ("Devices", "Geräte"),
    "devices.lead": (
        "What is signed in, and what has been. Sign out what you do not know, and change the password then.",
        "Was angemeldet ist, und was es war. Unbekanntes abmelden, und danach das Passwort ändern.",
    ),
    "devices.browsers": ("Browsers", "Browser"),
    "devices.programs": ("Programs", "Programme"),
    "devices.program": ("Program with the password of the account", "Programm mit dem Passwort des Kontos"),
    "devices.earlier": ("Known from earlier", "Von früher bekannt"),
    "devices.last": ("Last seen {when} from {address}", "Zuletzt gesehen {when} von {address}"),
    "devices.last_here": (
        "Last seen {when} on the server itself",
        "Zuletzt gesehen {when} auf dem Server selbst",
    ),
    "devices.forget": ("Forget", "Vergessen"),
    "devices.forget.of": ("Forget {name}", "{name} vergessen"),
    "devices.lock_out": (
        "A program with the password of the account is locked out by changing that password.",
        "Ein Programm mit dem Passwort des Kontos wird ausgesperrt, indem dieses Passwort geändert wird.",
    ),
    "devices.count.none": ("No browser is signed in", "Kein Browser ist angemeldet"),
    "devices.count.one": ("Only this browser is signed in", "Nur dieser Browser ist angemeldet"),
    "devices.count.many": ("{number} browsers are signed in", "{number} Browser sind angemeldet"),
    "devices.unknown": ("Unknown browser", "Unbekannter Browser"),
    "devices.this": ("this one", "dieser hier"),
    "devices.seen": ("Used {when} from {address}", "Benutzt {when} von {address}"),
    "devices.since": ("Signed in {when} with {method}", "Angemeldet {when} mit {method}"),
    "devices.end": ("Sign out", "Abmelden"),
    "devices.end.of": ("Sign out {name}", "{name} abmelden"),
    "devices.end_others": ("Sign out all others", "Alle anderen abmelden"),
    "method.password": ("the password", "Passwort"),
    "method.password+totp": ("password and code", "Passwort und Code"),
    "method.password+recovery": ("password and recovery code", "Passwort und Wiederherstellungscode"),
    "method.password+passkey": ("password and passkey", "Passwort und Passkey"),
    "method.app password": ("an app password", "App-Passwort"),
    "method.passkey": ("a passkey", "Passkey"),
    # --- the last sign-ins
    "sign_ins.title": ("Last sign-ins", "Letzte Anmeldungen"),
    "sign_ins.state": ("When and from where, failed ones too", "Wann und von wo, auch fehlgeschlagene"),
    "sign_ins.lead": (
        "Equal ones of a day are counted together. Failed ones are normal: others try passwords everywhere.",
        "Gleiche eines Tages sind zusammengezählt. Fehlgeschlagene sind normal: Passwörter werden überall probiert.",
    ),
    "sign_ins.nothing": ("Nothing was noted yet.", "Noch ist nichts vermerkt."),
    "sign_ins.failed": ("failed", "fehlgeschlagen"),
    "sign_ins.throttled": ("too many attempts", "zu viele Versuche"),
    "sign_ins.with": ("with {method}", "mit {method}"),
    "sign_ins.here": ("on the server itself", "auf dem Server selbst"),
    "sign_ins.times": ("{number} times since {when}", "{number}-mal seit {when}"),
    "why.wrong_password": ("wrong password", "falsches Passwort"),
    "why.disabled": ("the account is disabled", "das Konto ist gesperrt"),
    "why.second_factor": ("an app password is needed", "ein App-Passwort ist nötig"),
    "why.wrong_code": ("wrong code", "falscher Code"),
    "why.wrong_code_with_link": (
        "wrong code with a link for a new password",
        "falscher Code bei einem Link für ein neues Passwort",
    ),
    "why.wrong_passkey": ("wrong passkey", "falscher Passkey"),
    "why.unfinished": (
        "password right, second step not completed",
        "Passwort richtig, zweiter Schritt nicht abgeschlossen",
    ),
    "why.outside": ("from a network that is not allowed", "aus einem Netz, das nicht erlaubt ist"),
    "why.expired": ("the app password has expired", "das App-Passwort ist abgelaufen"),
    "why.other_service": (
        "the app password is for other services",
        "das App-Passwort ist für andere Dienste",
    ),
    "why.read_only": ("the app password is read-only", "mit dem App-Passwort kann man nur lesen"),
    "why.for_programs": ("app passwords are for programs", "App-Passwörter sind für Programme"),
    "notices.on": (
        "A mail tells you of each new device, and of each changed way into your account.",
        "Bei jedem neuen Gerät und jedem geänderten Zugang kommt eine Mail.",
    ),
    "notices.off": (
        "No mail tells you of new devices, nor of changed ways into your account.",
        "Bei neuen Geräten und geänderten Zugängen kommt keine Mail.",
    ),
    "notices.switch_on": ("Send mails", "Mails senden"),
    "notices.switch_off": ("Send no mails", "Keine Mails senden"),
    "way.imap": ("Mail program", "Mailprogramm"),
    "way.pop3": ("Mail program, fetching", "Mailprogramm, beim Abholen"),
    "way.smtp": ("Mail program, sending", "Mailprogramm, beim Senden"),
    "way.jmap": ("Web program", "Web-Programm"),
    "way.dav": ("Contacts and calendars", "Kontakte und Kalender"),
    "way.sieve": ("Filter rules", "Filterregeln"),
    "way.web": ("Browser", "Browser"),
    # --- passkeys
    "passkeys.title": ("Passkeys", "Passkeys"),
    "passkeys.lead": (
        "Sign in with the phone, the computer or a security key in place of codes, or of the password as well.",
        (
            "Mit dem Telefon, dem Rechner oder einem Sicherheitsschlüssel anmelden, statt mit Codes oder auch statt "
            "mit dem Passwort."
        ),
    ),
    "passkeys.count.none": ("There is none", "Es gibt keinen"),
    "passkeys.count.one": ("There is one", "Es gibt einen"),
    "passkeys.count.many": ("There are {number}", "Es gibt {number}"),
    "passkeys.nothing": ("There is none yet.", "Es gibt noch keinen."),
    "passkeys.add": ("Add a passkey", "Passkey hinzufügen"),
    "passkeys.name": ("Name", "Name"),
    "passkeys.name.hint": ("May be left empty", "Kann leer bleiben"),
    "passkeys.new_name": ("New name", "Neuer Name"),
    "passkeys.no_name": (
        "This name can't be used: it is empty, too long, or another passkey has it. Choose another.",
        "Dieser Name geht nicht: Er ist leer, zu lang, oder ein anderer Passkey hat ihn. Bitte einen anderen wählen.",
    ),
    "passkeys.rename": ("Rename", "Umbenennen"),
    "passkeys.enough": ("enough without the password", "genügt ohne Passwort"),
    "passkeys.second": ("after the password", "nach dem Passwort"),
    "passkeys.made": ("added {when}", "hinzugefügt {when}"),
    "passkeys.warned": (
        "There may be a copy of this passkey. Remove it unless you know why.",
        "Von diesem Passkey könnte es eine Kopie geben. Bitte entfernen, falls der Grund nicht bekannt ist.",
    ),
    "passkeys.remove": ("Remove", "Entfernen"),
    "passkeys.remove.of": ("Remove {name}", "{name} entfernen"),
    "passkeys.remove.title": ("Remove {name}?", "{name} entfernen?"),
    "passkeys.remove.text": (
        (
            "It can't be used to sign in any more. If it is the last second step, recovery codes are removed, and "
            "the password alone is enough, in mail programs too."
        ),
        (
            "Er kann nicht mehr zum Anmelden dienen. Ist er der letzte zweite Schritt, werden die "
            "Wiederherstellungscodes entfernt, und das Passwort genügt, auch in Mailprogrammen."
        ),
    ),
    "passkeys.full": (
        "There is no room for more. Remove one that is not used.",
        "Mehr sind nicht möglich. Bitte einen unbenutzten entfernen.",
    ),
    "passkeys.failed": (
        "The passkey was not added. Nothing was changed; try again.",
        "Der Passkey wurde nicht hinzugefügt. Nichts wurde geändert; bitte noch einmal versuchen.",
    ),
    "passkeys.known": (
        "This device has a passkey for the account already.",
        "Dieses Gerät hat schon einen Passkey für das Konto.",
    ),
    "passkeys.why.no_web": (
        "This server has no address for browsers, so passkeys can't be added. Ask whoever runs it.",
        "Dieser Server hat keine Adresse für Browser, darum gibt es keine Passkeys. Bitte fragen, wer ihn betreibt.",
    ),
    "passkeys.why.address": (
        "This server is reached by a number, for which there are no passkeys. It needs a name.",
        "Dieser Server wird über eine Nummer erreicht, für die es keine Passkeys gibt. Er braucht einen Namen.",
    ),
    "passkeys.why.no_tls": (
        "This page was not opened with https://, so passkeys can't be added here.",
        "Diese Seite wurde nicht mit https:// geöffnet, darum gibt es hier keine Passkeys.",
    ),
    "passkeys.why.not_in_domain": (
        "Passkeys are made for another domain than that of this server. Ask whoever runs it.",
        "Passkeys gelten für eine andere Domain als die dieses Servers. Bitte fragen, wer ihn betreibt.",
    ),
    # --- the recovery address
    "recovery_address.title": ("Recovery address", "Ersatzadresse"),
    "recovery_address.lead": (
        "If the password is forgotten, a link for a new one is sent to a mailbox somewhere else.",
        "Ist das Passwort vergessen, geht ein Link für ein neues an ein Postfach anderswo.",
    ),
    "recovery_address.state": (
        "Where a link for a new password is sent",
        "Wohin ein Link für ein neues Passwort geht",
    ),
    "recovery_address.off": (
        "This server sends no such links. Whoever runs it can help with a forgotten password.",
        "Dieser Server verschickt keine solchen Links. Bei vergessenem Passwort hilft, wer ihn betreibt.",
    ),
    "recovery_address.nothing": ("There is none yet.", "Es gibt noch keine."),
    "recovery_address.waiting": (
        "{address} is to be confirmed: open the link that was sent to it.",
        "{address} ist noch zu bestätigen: bitte den Link öffnen, der dorthin ging.",
    ),
    "recovery_address.add": ("Add an address", "Adresse hinzufügen"),
    "recovery_address.change": ("Change the address", "Adresse ändern"),
    "recovery_address.label": ("Address", "Adresse"),
    "recovery_address.hint": (
        "Of another provider, whose mail you can read without this account",
        "Bei einem anderen Anbieter, ohne dieses Konto lesbar",
    ),
    "recovery_address.send": ("Send the link", "Link senden"),
    "recovery_address.refused": (
        "No link was sent. Enter an address of another provider, or try again in an hour if you tried several times.",
        (
            "Es ging kein Link hinaus. Bitte die Adresse eines anderen Anbieters eingeben, oder es nach mehreren "
            "Versuchen in einer Stunde noch einmal versuchen."
        ),
    ),
    "recovery_address.remove": ("Remove", "Entfernen"),
    "recovery_address.remove.title": ("Remove the recovery address?", "Ersatzadresse entfernen?"),
    "recovery_address.remove.text": (
        "Without it, only whoever runs this server can help with a forgotten password.",
        "Ohne sie hilft bei vergessenem Passwort nur, wer diesen Server betreibt.",
    ),
}
