"""Writing messages: what `mail/` reads, the other way round.

`folding` makes a header field of words; `words`, `addresses`, `values` and `parameters` make the words of texts,
address lists, ids, URLs and MIME parameters; `encodings` writes bodies in ASCII; `entity` joins parts to a message, in
pieces. Nothing here has a clock or chance: dates, ids and the seed of boundaries are given.

What is always true: a field has no CR, LF or NUL but for its folding; a line has at most `folding.MAX_LINE_OCTETS`;
everything is ASCII, except an address, an id or a raw field that has no ASCII form, and an enclosed message.
"""
