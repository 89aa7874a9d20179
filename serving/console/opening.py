"""Adding the console to the application."""

from __future__ import annotations

from fastapi import FastAPI

from serving.console import figures_pages, mail_pages, pages, signing, visit
from serving.console.console import Console


def open_console(app: FastAPI, console: Console) -> None:
    """Add the pages for the shop's team; who may see them, their own door decides."""
    app.state.console = console
    visit.install(app)
    for module in (signing, figures_pages, mail_pages, pages):
        app.include_router(module.router)
