"""Names in the DNS."""


def normal_name(name: str) -> str:
    """A name in the form in which it is queried and compared."""
    return name.lower().removesuffix(".")
