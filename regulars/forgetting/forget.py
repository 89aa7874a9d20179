"""Forgetting people: the store, the files, the mailings, and the receipt.

Nothing is done twice and nothing is left half done: whoever was taken out of a file is not found there by the next run,
and each file is replaced in one step. So a run that was stopped, or that found Redis away, is finished by running the
command again, whatever happened in between. Servers may run meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from recommender.errors import InvalidInput, RecommenderError
from recommender.file_locks import take_lock
from recommender.ids import id_problem
from regulars.config import Config
from regulars.forgetting import campaigns_part, files_part
from regulars.forgetting.memory import Memory
from regulars.forgetting.receipt import FOLDER, Persons, Place, Receipt, receipt_of
from regulars.forgetting.store_part import compact_store, forget_in_store
from serving.campaigns.consent import read_consent
from serving.campaigns.one_at_a_time import WITHOUT
from serving.campaigns.sends import CAMPAIGNS
from serving.erasures import FILE as ERASED_FILE
from serving.erasures import read_erased
from serving.events.redaction import Guests, event_files, guests_in
from serving.server import store_of
from training.pipeline import artifacts_folder, reports_folder
from training.progress import Progress
from training.registry import Registry
from training.sources.paths import find_files

_log = logging.getLogger(__name__)

LOCK_FILE = "lock"

LISTED = "this line keeps them out of future trainings, requests and mailings"
SHOPS = "your own file, which is never changed: delete their rows there if they must be gone"
BACKUPS = "what was copied elsewhere: the data folder, the store, logs of servers and proxies that hold addresses"


def unfinished(config: Config) -> list[str]:
    """Return who asked to be forgotten and has no complete receipt yet, such as by `DELETE /v1/users/{user_id}`."""
    erased = read_erased(config.app.data_dir)
    return Persons(config.app.data_dir).unfinished(erased) if erased else []


def forget(config: Config, users: Collection[str], *, now: datetime, progress: Progress) -> Receipt:
    """Take `users` out of everything that was derived from the log, and return the receipt, which is kept, too.

    Raises
    ------
    InvalidInput
        If an id can be none, or another run is at it.
    OSError
        If the erasure cannot be written down, or a disk is full: running it again goes on from there.
    """
    for user in users:
        if problem := id_problem(user):
            raise InvalidInput(f"{user!r} cannot be the id of a user: {problem}")
    data_dir = config.app.data_dir
    with alone(data_dir / FOLDER):
        persons = Persons(data_dir).hashes(users)
        with store_of(config.app) as settings:
            with progress.step("take them out of the store, and let servers know"):
                guests, memory = guests_in(settings.events_dir), Memory(data_dir / FOLDER)
                memory.recall(guests)
                part = asyncio.run(
                    forget_in_store(settings, users, guests, remember=lambda: memory.keep(guests, users))
                )
            erased, pending = _forget_on_disk(config, users, guests, progress)
            if not part.pending:
                with progress.step("let the store write its files anew"):
                    left = asyncio.run(compact_store(settings))
                    part.kept += [] if left is None else [left]
        with progress.step("look for what still holds them"):
            kept = [*part.kept, *_kept(config, users)]
        receipt = receipt_of(persons, now, erased=[*part.erased, *erased], kept=kept, pending=[*part.pending, *pending])
        receipt.keep(data_dir)
        if receipt.is_complete:
            memory.done_with(users)
    return receipt


def _forget_on_disk(
    config: Config, users: Collection[str], guests: Guests, progress: Progress
) -> tuple[list[Place], list[Place]]:
    app, training = config.app, config.training
    erased = files_part.forget_choices(app.data_dir, users)
    leftovers, stuck = files_part.forget_leftovers(app.data_dir)
    erased += leftovers
    with progress.step("event files", total=len(event_files(app.events_dir))) as step:
        erased += files_part.forget_events(app.events_dir, users, guests, on_file=step.advance)
    root = artifacts_folder(training)
    with progress.step("models", total=len(Registry(root).versions())) as step:
        models, pending = files_part.forget_in_models(root, users, on_version=step.advance)
    with progress.step("figures, tables and lists"):
        figures, unreadable = files_part.forget_in_figures(reports_folder(training), users)
        quarantine, column = training.data_dir / "quarantine", training.purchases.columns.user
        erased += models + figures
        erased += files_part.forget_in_households(app.households_file, users)
        erased += files_part.forget_in_quarantine(quarantine, users, guests, column=column)
    with progress.step("mailings"):
        sends, damaged = campaigns_part.forget_in_campaigns(app.data_dir / CAMPAIGNS, users)
    return erased + sends, stuck + pending + unreadable + damaged


def _kept(config: Config, users: Collection[str]) -> list[Place]:
    app, training = config.app, config.training
    consent = None if app.campaign.consent is None else config.path.parent / app.campaign.consent
    addresses: Sequence[str] = ()
    places = [Place("list of the erased", str(app.data_dir / ERASED_FILE), len(users), LISTED)]
    if consent is not None:
        with contextlib.suppress(RecommenderError):
            known = read_consent(consent).addresses
            addresses = [known[user] for user in users if user in known]
        places.append(Place("list of consent", str(consent), note=SHOPS))
    with contextlib.suppress(RecommenderError):
        logs = find_files(training.purchases.paths, folder=training.folder, key="purchases.paths")
        places += [Place("purchase log", str(file.path), note=SHOPS) for file in logs]
    places += campaigns_part.exported(app.data_dir / CAMPAIGNS, users, addresses)
    return [*places, Place("backups and logs", "elsewhere", note=BACKUPS)]


@contextlib.contextmanager
def alone(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock of whoever takes people out.

    Raises
    ------
    InvalidInput
        If another run holds it, unless it is to be waited for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_FILE).open("w") as file:
        try:
            has_locks = take_lock(file, wait=wait)
        except BlockingIOError:
            raise InvalidInput(
                f"{folder / LOCK_FILE} is held: another `regulars forget` is at work; run this one when it has ended"
            ) from None
        if not has_locks:
            _log.warning(WITHOUT, folder / LOCK_FILE)
        yield
