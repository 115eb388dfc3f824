"""Host and domain names in the configuration."""

from pillarbox.config.schema import ConfigWrong
from pillarbox.mail.address import InvalidAddress, domain_key


def host_name(text: str, option: str) -> str:
    """A full domain name as A-labels in lower case. Raises `ConfigWrong`, which names the option."""
    try:
        name = domain_key(text.removesuffix("."))
    except InvalidAddress as invalid:
        raise ConfigWrong(f"'{option}': '{text}' is not a domain name: {invalid}") from None
    if "." not in name or name.startswith("["):
        raise ConfigWrong(f"'{option}': '{text}' must be a full domain name such as mail.example.org")
    return name
