"""The shop of one process: what its pages are made with, and the arranged catalogue of the model that answers."""

from __future__ import annotations

import json
import logging
from functools import cached_property, partial
from typing import Any

import anyio
import anyio.to_thread
import jinja2

from recommender.errors import InvalidInput
from recommender.model import Model
from serving.settings import AppSettings
from serving.shop.aisles import Aisles, aisles
from serving.shop.goods import money
from serving.shop.households import Household, read_households
from serving.shop.secret import shop_secret
from serving.shop.session import Sessions

_log = logging.getLogger(__name__)


class Shop:
    """Made with the app; reads and arranges when it is first visited."""

    def __init__(self, settings: AppSettings) -> None:
        self.settings = settings
        self._arranged: tuple[Model, Aisles] | None = None
        self._arranging: anyio.Lock | None = None
        self._complaint = ""

    @cached_property
    def sessions(self) -> Sessions:
        """Who the visitors are."""
        return Sessions(shop_secret(self.settings.data_dir))

    @property
    def households(self) -> tuple[Household, ...]:
        """Whom one may shop as, read anew each time; nobody where the file is damaged, which is said once."""
        try:
            return read_households(self.settings.households_file)
        except InvalidInput as error:
            if self._complaint != str(error):
                self._complaint = str(error)
                _log.error("%s", error)
            return ()

    async def aisles(self, model: Model) -> Aisles:
        """Return the arranged catalogue; the first visitor of a version waits for it, in a thread."""
        self._arranging = self._arranging or anyio.Lock()
        async with self._arranging:
            if self._arranged is None or self._arranged[0] is not model:
                self._arranged = model, await anyio.to_thread.run_sync(aisles, model)
            return self._arranged[1]

    def rendered(self, template: str, **values: Any) -> str:
        """Return a page. What it shows is text, whatever it holds."""
        return self._templates.get_template(template).render(**values)

    @cached_property
    def _templates(self) -> jinja2.Environment:
        environment = jinja2.Environment(
            loader=jinja2.PackageLoader("serving.shop"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals |= {"shop_name": self.settings.shop_name}
        environment.filters["money"] = partial(money, currency=self.settings.currency)
        environment.filters["ids"] = lambda ids: json.dumps(list(ids), ensure_ascii=False)
        return environment
