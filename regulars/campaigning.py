"""Campaigns from the configuration: the version that is served, the shop as it is now, and the files."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from recommender.engine import Engine
from recommender.errors import InvalidInput
from recommender.experiments.allocation import CONTROL, Allocation
from regulars.config import Config
from regulars.hints import hint
from regulars.trained import served, unknown_user
from serving.campaigns.choosing import Chosen, Circumstances
from serving.campaigns.consent import Consent, read_consent
from serving.campaigns.definition import Definition, known_campaigns, load_definition
from serving.campaigns.earlier import Earlier, seen_today
from serving.campaigns.exporting import HTML, export, passes
from serving.campaigns.facts import ModelFacts
from serving.campaigns.files import left_unfinished
from serving.campaigns.links import Links
from serving.campaigns.mail_lines import Press
from serving.campaigns.manifest import Manifest, read_manifest
from serving.campaigns.one_at_a_time import alone
from serving.campaigns.present import looking
from serving.campaigns.sending import Counts, audience_of, choices, make_send
from serving.campaigns.sends import CAMPAIGNS, DEFINITION_FILE, SENDS, Send, Sends, checked_name
from serving.campaigns.snapshot import SNAPSHOT_FILE
from serving.clock import clock_of
from serving.experiment_settings import Groups
from serving.server import store_of
from training.pipeline import erased_users
from training.progress import Progress

_log = logging.getLogger(__name__)

NOT_IN_AUDIENCE = "not_in_audience"
"""Why somebody gets nothing whom nobody meant."""

_WAITING = "Another export is running; this one begins when it has ended."


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


def create(config: Config, definition: Definition, *, replace: bool = False, if_missing: bool = False) -> Definition:
    """Write the definition of a campaign, and return the one that is there now.

    Raises
    ------
    InvalidInput
        If there is one of that name already, and neither option says what to do about it.
    """
    folder = campaigns_folder(config)
    if if_missing and _is_there(config, definition.name):
        return load_definition(folder, definition.name)
    check_free(config, definition.name, replace=replace)
    definition.save(folder)
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


def size_of(config: Config, definition: Definition) -> Size:
    """Return how many users of the served version a campaign is for."""
    model = served(config).model
    now = clock_of(config.app.serving.clock, events=config.app.events_dir).now(model.as_of)
    n_users = len(model.users)
    audience = audience_of(definition, ModelFacts(model, now=now), n_users)
    if definition.experiment is None:
        return Size(len(audience), n_users, 0)
    names = [model.users.ids[index] for index in audience.tolist()]
    group = Allocation([definition.experiment]).groups_of(names, definition.experiment.name)
    return Size(len(audience), n_users, int((group == definition.experiment.names.index(CONTROL)).sum()))


def send_and_export(
    config: Config,
    name: str,
    *,
    send_id: str | None = None,
    formats: Sequence[str] = ("csv", "jsonl"),
    layouts: Sequence[str] = (),
    progress: Progress,
) -> tuple[Send, Manifest]:
    """Make a send of a campaign unless it was made already, and write its files; other exports are waited for.

    Raises
    ------
    UnknownVersion
        If nothing was published yet.
    InvalidInput
        If there is no such campaign, or the send was made by another definition.
    StoreUnavailable
        If the store cannot be asked what is in stock and who was erased.
    """
    definition = load_definition(campaigns_folder(config), name)
    with alone(campaigns_folder(config), on_wait=lambda: progress.message(_WAITING)):
        send = _made(config, definition, send_id, progress)
        _without_erased(config, send)
        links = Links.of(config.app, send)
        n_rows = read_manifest(send.folder).written * passes(formats, layouts)
        with progress.step("write files", total=n_rows) as step:
            manifest = export(
                send,
                formats=formats,
                layouts=layouts,
                links=links,
                addresses=_consent(config).addresses if layouts and config.app.campaign.consent else None,
                press=Press.of(config.app) if HTML in formats else None,
                on_rows=step.advance,
            )
            step.note(f"{manifest.written:,} of {manifest.users:,} users")
    return send, manifest


@contextlib.contextmanager
def standing(config: Config, definition: Definition, *, send_id: str, progress: Progress) -> Iterator[Ground]:
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
    sends = Sends(campaigns_folder(config))
    with contextlib.ExitStack() as stack:
        app = stack.enter_context(store_of(config.app))
        present = stack.enter_context(looking(app, engine))
        earlier = stack.enter_context(Earlier.of(sends, engine.model, now=now, but=(definition.name, send_id)))
        seen = None
        if definition.no_repeat:
            seen = seen_today(config.app.events_dir, engine.model, now=now, today=clock.wall().date())
        around = Circumstances(
            now=now,
            present=present,
            consent=None if config.app.campaign.consent is None else _consent(config),
            earlier=earlier,
            seen=seen,
            groups=Groups(config.app.experiments) if config.app.experiments else None,
        )
        yield Ground(engine, definition, around)


def audience_in(ground: Ground) -> npt.NDArray[np.int64]:
    """Return the indices of the users that a campaign is for, ascending."""
    model = ground.engine.model
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


def _made(config: Config, definition: Definition, send_id: str | None, progress: Progress) -> Send:
    """Return the send of that name, made now if there is none."""
    sends = Sends(campaigns_folder(config))
    if send_id is not None and (found := sends.find(definition.name, checked_name(send_id, what="send"))) is not None:
        return _same(found, definition)
    with standing(config, definition, send_id=send_id or "", progress=progress) as ground:
        send_id = send_id or str(ground.around.now)[:10].replace("-", "")
        if (found := sends.find(definition.name, send_id)) is not None:
            return _same(found, definition)
        folder = sends.folder / definition.name / SENDS / send_id
        audience = audience_of(
            definition, ModelFacts(ground.engine.model, now=ground.around.now), len(ground.engine.model.users)
        )
        with progress.step(f"campaign: {definition.name}", total=len(audience)) as step:
            counts = make_send(
                ground.engine,
                definition,
                ground.around,
                folder / SNAPSHOT_FILE,
                send_id=send_id,
                currency=config.app.currency,
                on_users=step.advance,
            )
            step.note(f"{counts.written:,} of {counts.users:,} users")
        _manifest(ground, send_id, config.app.currency, counts).write(folder)
    return Send(definition.name, send_id, folder)


def _without_erased(config: Config, send: Send) -> None:
    """Take out of a send who asked to be forgotten since it was made, and what a killed export left of anybody."""
    for path in left_unfinished(send.folder):
        path.unlink(missing_ok=True)
    with send.snapshot() as snapshot:
        for user_id in sorted(erased_users(config.training)):
            if snapshot.of_user(user_id) is not None:
                snapshot.forget(user_id)


def _same(send: Send, definition: Definition) -> Send:
    """Return the send if it was made by this definition."""
    if read_manifest(send.folder).definition != definition.fingerprint:
        raise InvalidInput(
            f"the send {send.send_id!r} of {send.campaign!r} was made before the campaign was changed, and stays as it "
            f"was; for another one, name it: {hint('campaign export')} {send.campaign} --send {send.send_id}b"
        )
    return send


def _manifest(ground: Ground, send_id: str, currency: str, counts: Counts) -> Manifest:
    definition, around = ground.definition, ground.around
    return Manifest(
        campaign=definition.name,
        send_id=send_id,
        audience=definition.audience,
        recipe=definition.recipe.value,
        definition=definition.fingerprint,
        model_version=ground.engine.version,
        as_of=f"{around.now}Z",
        currency=currency,
        slots=definition.slots,
        users=counts.users,
        written=counts.written,
        picks=counts.picks,
        plain=counts.plain,
        suppressed=counts.suppressed,
        consent="not checked: campaign.consent is not set" if around.consent is None else "checked",
        control=definition.control,
        groups=counts.groups,
        tiers=counts.tiers,
    )


def _consent(config: Config) -> Consent:
    assert config.app.campaign.consent is not None
    return read_consent(config.path.parent / config.app.campaign.consent)
