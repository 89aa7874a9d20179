"""What `regulars demo` does before it serves: every step of the way of the data, once, each measured.

Nothing here is special to the demo's data but the choice of whom to show: the steps are those of `regulars train`,
`publish` and `campaign`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter
from rich.console import Console, RenderableType

from recommender.engine import Engine
from recommender.errors import GateRefused
from recommender.request import SlateRequest
from recommender.slate import Placement
from regulars.campaign_export import send_and_export
from regulars.campaigning import create
from regulars.config import Config
from regulars.evaluation_view import evaluation_view
from regulars.forgetting.latecomers import train_without_erased
from regulars.household_view import Offer, described, household_view
from regulars.publishing import is_served, publish
from regulars.terminal import RIGHT, plain, table
from regulars.trained import registry_of, served
from serving.campaigns.definition import Definition
from serving.campaigns.files import written_whole
from serving.campaigns.wording import reason_words
from serving.clock import clock_of
from serving.settings import AppSettings
from serving.shop.households import Household as ShopVisitor
from training.households import Household, households
from training.pipeline import TrainResult, reports_folder
from training.progress import Progress
from training.steps import StepRecord

CAMPAIGN = Definition(name="at_risk", audience='segment = "at risk"')
"""Whom the demo writes a mailing file for."""
USUAL_PICKS, NEW_PICKS = 3, 3
"""How much of a household's offer is shown: what they may want to buy again, and what is new to them."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What the demo made, for what it says while it serves."""

    trained: TrainResult
    report: Path
    mailing: Path
    households: tuple[Household, ...]
    served: str
    """The version that is served: the trained one, unless the gate refused it."""


def prepare(config: Config, progress: Progress, out: Console) -> Prepared:
    """Train, publish, write a mailing file and choose households; print what each of them came to.

    A version that the gate refuses is no end of it if another one is served: that one stays.

    Raises
    ------
    RecommenderError
        If a step refuses; what was done before stays, and the next run goes on from there.
    """
    trained = train_without_erased(config, progress=progress)
    out.print(_headline(trained))
    if trained.evaluation is not None:
        out.print(evaluation_view(trained.evaluation))
    serves = _publish(config, trained.version, progress, out)
    campaign = create(config, CAMPAIGN, if_missing=True)
    send, _ = send_and_export(config, campaign, progress=progress)
    with progress.step("choose households") as step:
        shown, views = _households(config)
        step.note(", ".join(household.user_id for household in shown))
    for view in views:
        out.print("", view)
    report = reports_folder(config.training) / f"{trained.version}.html"
    return Prepared(trained, report, send.folder, tuple(shown), serves)


def with_demo_shop(settings: AppSettings) -> AppSettings:
    """Return the settings with a demo shop, for this machine unless they open it to others."""
    if settings.serving.demo_shop != "off":
        return settings
    serving = settings.serving.model_copy(update={"demo_shop": "local"})
    return settings.model_copy(update={"serving": serving})


def step_table(steps: Sequence[StepRecord], trained: TrainResult) -> RenderableType:
    """Return what each step of this run cost; where the training was reused, also what it had cost."""
    rows = [(step.name, f"{step.seconds:,.1f}", f"{step.peak_mb:,.0f}") for step in steps]
    rows.append(("all of it", f"{sum(s.seconds for s in steps):,.1f}", f"{_largest(steps):,.0f}"))
    if trained.reused:
        seconds = sum(step.seconds for step in trained.steps)
        rows.append(("training, when it was done", f"{seconds:,.1f}", f"{_largest(trained.steps):,.0f}"))
    return table(["step", f"{RIGHT}seconds", f"{RIGHT}peak MiB"], rows)


def _largest(steps: Sequence[StepRecord]) -> float:
    return max((step.peak_mb for step in steps), default=0.0)


def _headline(trained: TrainResult) -> RenderableType:
    what = "nothing has changed since it was trained" if trained.reused else "trained just now"
    return plain(f"\nVersion {trained.version}: {what}\n", style="bold")


def _publish(config: Config, version: str, progress: Progress, out: Console) -> str:
    """Publish `version` unless it is served already or the gate refuses it; return the version that is served then."""
    if is_served(config, version):
        progress.message(f"{version} is served already: its candidates are reused")
        return version
    try:
        publish(config, version, progress=progress)
    except GateRefused as refusal:
        current = registry_of(config).current()
        if current is None:
            raise
        out.print(plain(f"\n{refusal}.\n"))
        progress.message(f"{current} goes on being served")
        if not is_served(config, current):
            publish(config, current, progress=progress, force=True)
        return current
    return version


def _households(config: Config) -> tuple[list[Household], list[RenderableType]]:
    """Choose households, tell the shop page of them, and return them with what to print of each."""
    artifact = served(config)
    engine = Engine(artifact.model, version=artifact.version)
    now = clock_of(config.app.serving.clock, events=config.app.events_dir).now(artifact.model.as_of)
    chosen = households(artifact.model, now=now)
    _tell_shop(chosen, config.app.households_file)
    offers = [_offers(engine, household, now) for household in chosen]
    currency = config.app.currency
    return chosen, [
        household_view(household, offered, currency=currency) for household, offered in zip(chosen, offers, strict=True)
    ]


def _offers(engine: Engine, household: Household, now: np.datetime64) -> tuple[Offer, ...]:
    """Return what a mail would offer, and then what it would if only new items were asked for."""
    model, today = engine.model, now.astype("datetime64[D]").astype(date)
    titles = model.catalogue.title
    found: dict[str, Offer] = {}
    for limit, new_only in ((USUAL_PICKS, False), (NEW_PICKS, True)):
        history = model.histories.of(household.user_index)
        request = SlateRequest(placement=Placement.EMAIL, limit=limit, history=history, new_only=new_only)
        slate = engine.recommend(request, now=now, slate_id="demo", created_at=datetime.now(UTC))
        for shown in slate.items:
            item = model.catalogue.item(model.items.index(shown.item_id), item_id=shown.item_id)
            why = reason_words(shown.reason, title_of=lambda item_id: titles[model.items.index(item_id)], today=today)
            found[shown.item_id] = Offer(shown.item_id, item.title, item.price, why)
    return tuple(found.values())


def _tell_shop(chosen: Sequence[Household], path: Path) -> None:
    visitors = tuple(
        ShopVisitor(
            user_id=household.user_id,
            label=f"Household {household.user_id}, {described(household.segment)}",
            note=f"Bought lately: {', '.join(purchase.title for purchase in household.lately[:3])}.",
        )
        for household in chosen
    )
    with written_whole(path) as file:
        file.write(TypeAdapter(tuple[ShopVisitor, ...]).dump_json(visitors, indent=2))
