"""Whether to believe what a message says of itself.

    questions.py    what a check asks of the DNS and the web, and how it is resumed with the answers
    results.py      what a check found: a method, a result, and the reason in words
    spf/            whether a domain lets the client send mail in its name
    dkim/           DKIM signatures, verified and made
    arc/            ARC chains, verified and continued
    signatures/     what these two have in common
    dane/           whether the server of another provider is authenticated by the DNS
    mta_sts/        what a domain says on the web of the hosts that take its mail
    tls_policy.py   how safe a connection has to be, by both and by what the message demands
    tls_result.py   what went wrong with the TLS of a delivery, as reports name it
    tls_report/     reports about that
    report_file.py  the file of a report, unpacked within limits
    dmarc_report/   reports about what SPF, DKIM and DMARC say of a domain's mail
    feedback_report.py  reports about one message: complaints, and failures of authentication
    received_report.py  which of these reports a message carries
    dmarc/          whether the author's domain stands behind a message
    bimi/           the image that a sender asks to be shown beside its mail
    smime/          whether a message is signed by its author, and unchanged
    iprev.py        whether a client's address has a name that leads back

    authentication_results/     what checks found as a header field, written and read
    public_suffixes.py          organizational domains by the public suffix list, for people who ask

A check is a generator: it yields a question and is resumed with the answer, so it does no IO and reads no clock
(the time is an argument). `delivery.asking` answers with the resolver and the fetcher of the world; tests with
records that are written down.
"""
