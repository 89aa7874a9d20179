"""What draws the mails of the configured shop."""

from __future__ import annotations

from regulars.config import Config
from serving.campaigns.letters import Shop
from serving.campaigns.mail import Postman
from serving.campaigns.mail_lines import Press


def press_of(config: Config) -> Press:
    """Return what draws the mails of the configured shop.

    Raises
    ------
    ConfigError
        If a template cannot be used.
    """
    app = config.app
    shop = Shop(
        name=app.shop_name, url=app.campaign.shop_url or "", currency=app.currency, language=app.campaign.language
    )
    return Press(Postman.of(app.campaign), shop)
