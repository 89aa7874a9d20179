"""Adding the demo shop to the application."""

from __future__ import annotations

from fastapi import FastAPI

from serving.settings import AppSettings
from serving.shop import deeds, pages, visit
from serving.shop.shop import Shop


def open_shop(app: FastAPI, settings: AppSettings) -> None:
    """Open the demo shop; where nobody wants it, none of its addresses exist."""
    if settings.serving.demo_shop == "off":
        return
    app.state.shop = Shop(settings)
    visit.install(app)
    app.include_router(pages.router)
    app.include_router(deeds.router)
    app.include_router(pages.rest)
