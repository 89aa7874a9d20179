"""Who was mailed by a campaign and who was held back, from the records of its sends."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from recommender.errors import InvalidInput
from recommender.experiments.allocation import CONTROL, Experiment
from regulars.campaigning import campaigns_folder
from regulars.config import Config
from regulars.hints import hint
from serving.campaigns.choosing import CONTROL_GROUP
from serving.campaigns.definition import MAILED, Definition, load_definition
from serving.campaigns.sends import Send, Sends
from training.inputs import erased_users
from training.progress import Progress
from training.traffic.followed import Mailed, campaign_report
from training.traffic.trials import TrialReport


def report_of(
    config: Config, name: str, *, horizon_days: float, until: int | None, with_log: bool, progress: Progress
) -> TrialReport:
    """Join the sends of a campaign to what was ordered afterwards.

    Raises
    ------
    InvalidInput
        If there is no such campaign, or it sent nothing yet.
    """
    definition = load_definition(campaigns_folder(config), name)
    sends = Sends(campaigns_folder(config)).of_campaign(name)
    if not sends:
        raise InvalidInput(f"the campaign {name!r} has sent nothing yet; run: {hint('campaign export')} {name}")
    erased = erased_users(config.training)
    with progress.step("read sends", total=len(sends)) as step:
        mailed = _mailed(definition, sends, erased, progress)
        step.note(f"{len(mailed.entered):,} users in {len(sends):,} sends")
    return campaign_report(
        config.training,
        mailed,
        name=name,
        horizon_days=horizon_days,
        with_log=with_log,
        until=until,
        erased=erased,
        progress=progress,
    )


def _mailed(definition: Definition, sends: Sequence[Send], erased: Collection[str], progress: Progress) -> Mailed:
    """Return who entered when, and into which group; the first send counts."""
    experiment = definition.experiment or Experiment(f"campaign {definition.name}", ((MAILED, 1.0),))
    place = {group: at for at, group in enumerate(experiment.names)}
    entered: dict[str, tuple[int, int]] = {}
    for send in sends:
        try:
            groups = _groups(send)
        except InvalidInput as error:
            progress.message(f"The send {send.send_id} is not counted: {error}")
            continue
        for user_id, (group, at) in groups.items():
            if group in place:
                entered.setdefault(user_id, (place[group], at))
    return Mailed(experiment=experiment, entered={user: when for user, when in entered.items() if user not in erased})


def _groups(send: Send) -> dict[str, tuple[str, int]]:
    """Return whom one send mailed and whom it held back, and when."""
    with send.snapshot() as snapshot:
        at = int(np.datetime64(snapshot.sent_at.removesuffix("Z"), "s").astype(np.int64))
        found = dict.fromkeys(snapshot.users(), (MAILED, at))
        for user_id, reason in snapshot.suppressed():
            if reason == CONTROL_GROUP:
                found.setdefault(user_id, (CONTROL, at))
    return found
