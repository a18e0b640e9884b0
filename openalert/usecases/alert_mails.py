"""The mail address of an integration, and the integration to which one belongs."""

from openalert.domain.access import SYSTEM
from openalert.domain.links_back import LinksBack
from openalert.domain.mail_address import alert_address, alerted_integration, is_alert_address
from openalert.domain.service import Integration
from openalert.storage import integrations
from openalert.storage.transaction import Reader


def address_of(links_back: LinksBack, integration: Integration) -> str:
    """Where alerts for it come by mail; "" while no mail is taken in."""
    if not links_back.mail_domain:
        return ""
    return alert_address(links_back.secret, integration.id, integration.key_hash, links_back.mail_domain)


async def integration_at(reader: Reader, secret: bytes, local_part: str) -> Integration | None:
    """The integration that takes mails to this local part; None when there is no such address (any more)."""
    named = alerted_integration(local_part)
    integration = await integrations.get(reader, SYSTEM, named) if named else None
    if integration is None or not integration.is_active:
        return None
    return integration if is_alert_address(secret, integration.id, integration.key_hash, local_part) else None
