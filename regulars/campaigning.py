"""A campaign from the configuration: the version that is served, the shop as it is now, and the files."""

from __future__ import annotations

from pathlib import Path

from recommender.engine import Engine
from regulars.config import Config
from regulars.trained import served
from serving.campaigns.audience import Audience
from serving.campaigns.campaign import Campaign, write_campaign
from serving.campaigns.present import look
from serving.clock import clock_of
from serving.experiment_settings import Groups
from serving.server import store_of
from training.progress import Progress
from training.writing import writing_to


def write_segment(config: Config, segment: str, out: Path, *, progress: Progress) -> Campaign:
    """Write the mailing file of `segment` below `out`.

    Raises
    ------
    UnknownVersion
        If nothing was published yet.
    InvalidInput
        If there is no such segment.
    StoreUnavailable
        If the store cannot be asked what is in stock and who was erased.
    """
    with progress.step("load") as step:
        artifact = served(config)
        step.note(artifact.version)
    audience = Audience.of(artifact.model.customers, segment)
    with store_of(config.app) as settings:
        engine = Engine(artifact.model, version=artifact.version)
        present = look(settings, engine, [artifact.model.users.ids[index] for index in audience.user.tolist()])
    with progress.step(f"campaign: {audience.name}", total=len(audience)) as step, writing_to(out):
        written = write_campaign(
            engine,
            audience,
            out,
            settings=config.app.campaign,
            currency=config.app.currency,
            now=clock_of(config.app.serving.clock, events=config.app.events_dir).now(artifact.model.as_of),
            erased=present.erased,
            fresh=present.fresh,
            shelf=present.shelf,
            groups=Groups(config.app.experiments) if config.app.experiments else None,
            on_user=step.advance,
        )
        step.note(f"{written.written:,} of {written.users:,} users")
    return written
