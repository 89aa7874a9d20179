"""A send of a campaign from the configuration to its files: made once, and looked at again whenever it is written."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from recommender.errors import InvalidInput
from regulars.campaigning import Ground, Today, campaigns_folder, consent_of, grounded, today
from regulars.config import Config
from regulars.hints import hint
from serving.campaigns.choosing import ERASED
from serving.campaigns.definition import Definition
from serving.campaigns.exporting import HTML, export, passes, refuse_impossible
from serving.campaigns.facts import ModelFacts
from serving.campaigns.files import left_unfinished, or_nothing
from serving.campaigns.links import Links
from serving.campaigns.mail_lines import Press
from serving.campaigns.manifest import CHECKED, NOT_CHECKED, Manifest, read_manifest
from serving.campaigns.one_at_a_time import alone
from serving.campaigns.review import Review, reviewed
from serving.campaigns.sending import Counts, audience_of, make_send
from serving.campaigns.sends import SENDS, Send, Sends, checked_name
from serving.campaigns.snapshot import SNAPSHOT_FILE
from training.inputs import erased_users
from training.progress import Progress

_WAITING = "Another export is running; this one begins when it has ended."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What is to be written, and by which means; whatever can be refused was asked for before."""

    formats: Sequence[str]
    layouts: Sequence[str]
    addresses: Mapping[str, str]
    press: Press | None
    shop_url: str | None

    @classmethod
    def of(cls, config: Config, formats: Sequence[str], layouts: Sequence[str]) -> Self:
        has_addresses = layouts and config.app.campaign.consent is not None
        addresses = consent_of(config).addresses if has_addresses else {}
        refuse_impossible(formats, layouts, addresses)
        press = Press.of(config.app) if HTML in formats else None
        shop_url = config.app.campaign.shop_url
        return cls(formats=formats, layouts=layouts, addresses=addresses, press=press, shop_url=shop_url)


def send_and_export(
    config: Config,
    definition: Definition,
    *,
    send_id: str | None = None,
    formats: Sequence[str] = ("csv", "jsonl"),
    layouts: Sequence[str] = (),
    progress: Progress,
) -> tuple[Send, Manifest]:
    """Make a send of a campaign unless it was made already, and write its files; other exports are waited for.

    A send that is made and then cannot be written is not there afterwards.

    Raises
    ------
    UnknownVersion
        If nothing was published yet.
    InvalidInput
        If the send was made by another definition, or something cannot be written.
    ConfigError
        If links would lead nowhere, or a template cannot be used.
    StoreUnavailable
        If the store cannot be asked what is in stock, who was erased, and who complained.
    """
    wanted = _Wanted.of(config, formats, layouts)
    sends = Sends(campaigns_folder(config))
    with alone(sends.folder, on_wait=lambda: progress.message(_WAITING)), contextlib.ExitStack() as stack:
        with today(config, progress=progress) as shop:
            send, is_new = _named(sends, definition, send_id or str(shop.now)[:10].replace("-", ""))
            links = Links.of(config.app, send)
            if is_new:
                stack.enter_context(or_nothing(send.folder, root=sends.folder))
                _make(config, shop, definition, send, progress)
            gone = _without_erased(config, send)
            review = None if is_new and not gone else _looked_at_again(shop, send, progress)
        return send, _written(send, wanted, links, review, progress)


def _named(sends: Sends, definition: Definition, send_id: str) -> tuple[Send, bool]:
    """Return the send of that name, and whether it has to be made."""
    name = checked_name(send_id, what="send")
    if (found := sends.find(definition.name, name)) is not None:
        return _same(found, definition), False
    return Send(definition.name, name, sends.folder / definition.name / SENDS / name), True


def _written(send: Send, wanted: _Wanted, links: Links | None, review: Review | None, progress: Progress) -> Manifest:
    n_written = (read_manifest(send.folder) if review is None else review).written
    with progress.step("write files", total=n_written * passes(wanted.formats, wanted.layouts)) as step:
        manifest = export(
            send,
            formats=wanted.formats,
            layouts=wanted.layouts,
            links=links,
            addresses=wanted.addresses,
            press=wanted.press,
            review=review,
            shop_url=wanted.shop_url,
            on_rows=step.advance,
        )
        step.note(f"{manifest.written:,} of {manifest.users:,} users")
    return manifest


def _make(config: Config, shop: Today, definition: Definition, send: Send, progress: Progress) -> None:
    """Write the record of a send, and its manifest without files."""
    model, currency = shop.engine.model, config.app.currency
    with grounded(config, shop, definition, send_id=send.send_id) as ground:
        facts = ModelFacts(model, now=shop.now)
        with progress.step("find the audience"):
            audience = audience_of(definition, facts, len(model.users))
        with progress.step(f"campaign: {definition.name}", total=len(audience)) as step:
            counts = make_send(
                ground.engine,
                definition,
                ground.around,
                send.folder / SNAPSHOT_FILE,
                send_id=send.send_id,
                currency=currency,
                facts=facts,
                on_users=step.advance,
            )
            step.note(f"{counts.written:,} of {counts.users:,} users")
        _manifest(ground, send.send_id, currency, counts).write(send.folder)


def _looked_at_again(shop: Today, send: Send, progress: Progress) -> Review:
    """Ask who of a send must not be written to any more."""
    with send.snapshot() as snapshot, progress.step("look at recipients again", total=len(snapshot)) as step:
        review = reviewed(snapshot, shop.engine, shop.present, shop.consent, on_users=step.advance)
        step.note(f"{len(review.withheld):,} are left out since it was made")
    return review


def _without_erased(config: Config, send: Send) -> bool:
    """Take out of a send who asked to be forgotten since it was made, and what a killed export left of anybody."""
    for path in left_unfinished(send.folder):
        path.unlink(missing_ok=True)
    gone = False
    with send.snapshot() as snapshot:
        for user_id in sorted(erased_users(config.training)):
            if snapshot.of_user(user_id) is not None or snapshot.why_not(user_id) not in (None, ERASED):
                gone = snapshot.forget(user_id) or gone
    return gone


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
        consent=NOT_CHECKED if around.consent is None else CHECKED,
        control=definition.control,
        groups=counts.groups,
        tiers=counts.tiers,
    )
