"""Campaigns from the configuration: the version that is served, the shop as it is now, and the files."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from recommender.engine import Engine
from recommender.errors import InvalidInput
from recommender.experiments.allocation import CONTROL, Allocation
from regulars.config import Config
from regulars.trained import served, unknown_user
from serving.campaigns.choosing import Chosen, Circumstances
from serving.campaigns.consent import Consent, read_consent
from serving.campaigns.definition import Definition, known_campaigns, load_definition
from serving.campaigns.earlier import Earlier, seen_today
from serving.campaigns.facts import ModelFacts
from serving.campaigns.manifest import Manifest, read_manifest
from serving.campaigns.present import Present, looking
from serving.campaigns.sending import audience_of, choices
from serving.campaigns.sends import CAMPAIGNS, DEFINITION_FILE, Send, Sends
from serving.clock import Clock, clock_of
from serving.experiment_settings import Groups
from serving.server import store_of
from training.progress import Progress

_log = logging.getLogger(__name__)

NOT_IN_AUDIENCE = "not_in_audience"
"""Why somebody gets nothing whom nobody meant."""


@dataclass(frozen=True, slots=True, eq=False)
class Today:
    """The shop at this moment."""

    engine: Engine
    clock: Clock
    now: np.datetime64
    """datetime64[s], UTC: the moment that sends are made for."""
    present: Present
    consent: Consent | None


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What a campaign stands on: the version, the definition, and the shop at this moment."""

    engine: Engine
    definition: Definition
    around: Circumstances


class Size(NamedTuple):
    """For how many a campaign is."""

    audience: int
    users: int
    """Of the shop."""
    control: int
    """Of the audience, who get no mail to compare with."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One campaign in a list."""

    definition: Definition
    sends: tuple[Manifest, ...]


def campaigns_folder(config: Config) -> Path:
    """Return the folder that holds campaigns."""
    return config.app.data_dir / CAMPAIGNS


def known_or(config: Config, definition: Definition) -> Definition:
    """Return the campaign that is there under the name of a definition, else the definition itself, not written yet.

    Raises
    ------
    InvalidInput
        If the one that is there cannot be understood.
    """
    is_there = _is_there(config, definition.name)
    return load_definition(campaigns_folder(config), definition.name) if is_there else definition


def create(config: Config, definition: Definition, *, replace: bool = False, if_missing: bool = False) -> Definition:
    """Write the definition of a campaign, and return the one that is there now.

    Raises
    ------
    InvalidInput
        If there is one of that name already, and neither option says what to do about it.
    """
    if if_missing and _is_there(config, definition.name):
        return known_or(config, definition)
    check_free(config, definition.name, replace=replace)
    definition.save(campaigns_folder(config))
    return definition


def check_free(config: Config, name: str, *, replace: bool) -> None:
    """Refuse the name of a campaign that must not be changed.

    Raises
    ------
    InvalidInput
        If there is one.
    """
    if not replace and _is_there(config, name):
        raise InvalidInput(
            f"there is a campaign {name!r} already; name another one, or give --replace to change it "
            "(what was sent stays as it was)"
        )


def listed(config: Config) -> list[Listed]:
    """Return all campaigns with what they sent, the first send first; what cannot be read is named in the log."""
    folder = campaigns_folder(config)
    sends = Sends(folder)
    found = []
    for name in known_campaigns(folder):
        try:
            definition = load_definition(folder, name)
        except InvalidInput as error:
            _log.warning("the campaign %s is passed over: %s", name, error)
            continue
        found.append(Listed(definition, tuple(_manifests(sends.of_campaign(name)))))
    return found


def size_of(config: Config, definition: Definition, *, progress: Progress) -> Size:
    """Return how many users of the served version a campaign is for."""
    model = served(config).model
    now = clock_of(config.app.serving.clock, events=config.app.events_dir).now(model.as_of)
    n_users = len(model.users)
    with progress.step("find the audience"):
        audience = audience_of(definition, ModelFacts(model, now=now), n_users)
    if definition.experiment is None:
        return Size(len(audience), n_users, 0)
    names = [model.users.ids[index] for index in audience.tolist()]
    group = Allocation([definition.experiment]).groups_of(names, definition.experiment.name)
    return Size(len(audience), n_users, int((group == definition.experiment.names.index(CONTROL)).sum()))


@contextlib.contextmanager
def today(config: Config, *, progress: Progress) -> Iterator[Today]:
    """Load the served version and ask for the present, for as long as the block lasts.

    Raises
    ------
    UnknownVersion
        If nothing was published yet.
    StoreUnavailable
        If the store does not answer.
    """
    with progress.step("load") as step:
        artifact = served(config)
        step.note(artifact.version)
    engine = Engine(artifact.model, version=artifact.version)
    clock = clock_of(config.app.serving.clock, events=config.app.events_dir)
    now = clock.now(engine.model.as_of).astype("datetime64[s]")
    consent = None if config.app.campaign.consent is None else consent_of(config)
    with store_of(config.app) as app, looking(app, engine) as present:
        yield Today(engine, clock, now, present, consent)


@contextlib.contextmanager
def standing(config: Config, definition: Definition, *, send_id: str, progress: Progress) -> Iterator[Ground]:
    """Give a campaign its ground for as long as the block lasts.

    Raises
    ------
    UnknownVersion
        If nothing was published yet.
    StoreUnavailable
        If the store does not answer.
    """
    with today(config, progress=progress) as shop, grounded(config, shop, definition, send_id=send_id) as ground:
        yield ground


@contextlib.contextmanager
def grounded(config: Config, shop: Today, definition: Definition, *, send_id: str) -> Iterator[Ground]:
    """Add what a campaign must know of the past to the shop of today."""
    model = shop.engine.model
    sends = Sends(campaigns_folder(config))
    with Earlier.of(sends, model, now=shop.now, but=(definition.name, send_id)) as earlier:
        seen = None
        if definition.no_repeat:
            seen = seen_today(config.app.events_dir, model, now=shop.now, today=shop.clock.wall().date())
        around = Circumstances(
            now=shop.now,
            present=shop.present,
            consent=shop.consent,
            earlier=earlier,
            seen=seen,
            groups=Groups(config.app.experiments) if config.app.experiments else None,
        )
        yield Ground(shop.engine, definition, around)


def audience_in(ground: Ground, *, progress: Progress) -> npt.NDArray[np.int64]:
    """Return the indices of the users that a campaign is for, ascending."""
    model = ground.engine.model
    with progress.step("find the audience"):
        return audience_of(ground.definition, ModelFacts(model, now=ground.around.now), len(model.users))


def choice(ground: Ground, audience: npt.NDArray[np.int64], user: str) -> Chosen:
    """Decide about one user; who is not in the audience gets nothing.

    Raises
    ------
    InvalidInput
        If the version does not know the user.
    """
    index = ground.engine.model.users.get(user)
    if index is None:
        raise unknown_user(ground.engine.version, user)
    (chosen,) = choices(ground.engine, ground.definition, ground.around, np.array([index]))
    if index not in audience:
        chosen.reason[0] = NOT_IN_AUDIENCE
    return chosen


def sample(ground: Ground, audience: npt.NDArray[np.int64], *, most: int) -> Iterator[Chosen]:
    """Decide about the audience, some thousand at a time, until `most` of them would get a mail."""
    found = 0
    for chosen in choices(ground.engine, ground.definition, ground.around, audience):
        yield chosen
        found += sum(not why for why in chosen.reason)
        if found >= most:
            return


def _is_there(config: Config, name: str) -> bool:
    return (campaigns_folder(config) / name / DEFINITION_FILE).exists()


def _manifests(sends: Iterable[Send]) -> Iterator[Manifest]:
    for send in sends:
        try:
            yield read_manifest(send.folder)
        except InvalidInput as error:
            send.pass_over(error)


def consent_of(config: Config) -> Consent:
    """Read who agreed to mails.

    Raises
    ------
    InvalidInput
        If the file cannot be read or understood.
    """
    assert config.app.campaign.consent is not None
    return read_consent(config.path.parent / config.app.campaign.consent)
