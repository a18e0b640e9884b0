"""LinksBack: by what a message leads its reader back to us: our address, and the key that signs its buttons."""

import msgspec


class LinksBack(msgspec.Struct, frozen=True):
    """What every link in a message is made of; the address is also the one that the API and the pages show."""

    base_url: str
    """Where people reach us, without a slash at the end."""
    secret: bytes
    """Signs links that act (see `domain.action`)."""
    mail_domain: str = ""
    """Where answers to mails go; empty: nowhere."""
