"""Who may come in, by a password or in its place: one place for every protocol, and for the pages.

    authenticator          what protocols ask; made once for a process
    attempt                one SASL exchange of a client
    logins                 each login: slowed, looked at, recorded
    stored_passwords       whether a password is right
    password_checks        Argon2, in few threads
    throttle, history      what is counted of failures, and kept of all

What is always true: the answer is an `Authenticated` or nothing, with no hint whether login or password was
wrong, and both cost the same; an attempt is delayed before it is checked (see `throttle`); an app
password is tried first, because that is cheap; Argon2 runs in few threads (see `password_checks`). What limits an app
password is looked at in one place (`outcome.unsuitable_for`). One that has expired, or is used outside of its
networks, is answered as a wrong password is, and costs the same; only its owner sees which one it was. Whoever shows
one from where it may be used, but for a service that it is not for, is told so (`Unsuitable`): who has it could find
that out, and its owner has to.

The own password of an account that has a second factor lets no program in. Whoever has shown or proven it is told to
use an app password; a wrong one is answered as always, for the second factor is looked at last.
"""
