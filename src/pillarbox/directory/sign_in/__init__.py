"""What somebody signs in with, and what is kept of it: passwords, second factors, sessions, devices.

All of it belongs to accounts, and goes with them. Accounts, domains and addresses know nothing of it.

    credentials            what a login is checked against, and setting it
    credential_marks       what sessions are known by, and when they end
    second_factors         whether a password is enough
"""
