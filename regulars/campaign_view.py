"""Campaigns as a person reads them: lists, what a send came to, and a few of its mails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from rich.console import Group, RenderableType

from regulars.campaigning import NOT_IN_AUDIENCE, Ground, Listed, Size
from regulars.mail_page import would_be_sent
from regulars.terminal import RIGHT, plain, table
from serving.campaigns.choosing import (
    BOUGHT_RECENTLY,
    CONTROL_GROUP,
    ERASED,
    FREQUENCY_CAP,
    OPEN_COMPLAINT,
    OPTED_OUT,
    TOO_FEW_PICKS,
    Chosen,
)
from serving.campaigns.consent import NO_CONSENT, UNSUBSCRIBED
from serving.campaigns.definition import Definition
from serving.campaigns.manifest import CHECKED, Manifest
from serving.campaigns.rows import said
from serving.campaigns.sends import Send
from serving.campaigns.wording import price_words


def list_view(campaigns: list[Listed]) -> RenderableType:
    """Return a row per campaign."""
    headings = ["campaign", "audience", "recipe", f"{RIGHT}slots", f"{RIGHT}control", f"{RIGHT}sends", "last"]
    rows = [
        (
            one.definition.name,
            one.definition.audience or "everybody",
            one.definition.recipe.value,
            one.definition.slots,
            f"{one.definition.control:.0%}",
            len(one.sends),
            f"{one.sends[-1].send_id}: {one.sends[-1].written:,} written" if one.sends else "",
        )
        for one in campaigns
    ]
    return table(headings, rows)


def created_view(definition: Definition, size: Size) -> str:
    """Return whom a campaign is for, and whom it leaves out to compare with."""
    whom = f"{definition.name} is for {size.audience:,} of {size.users:,} users."
    if not definition.control:
        return f"{whom} Nobody is left out to compare with, so no report can tell what it did; --control 0.1 would."
    return (
        f"{whom} {size.control:,} of them are its control group ({definition.control:.0%}, drawn by chance): they get "
        "no mail, so that the report can compare them with those who do."
    )


def sent_view(send: Send, manifest: Manifest) -> RenderableType:
    """Return what was written, who was left out, and what did not fit."""
    files = [(name, f"{entry.rows:,}", f"{entry.bytes / 1024:,.0f}") for name, entry in manifest.files.items()]
    parts: list[RenderableType] = [plain(send.folder), table(["file", f"{RIGHT}rows", f"{RIGHT}KiB"], files)]
    if manifest.suppressed:
        left_out = [(in_words(reason), f"{count:,}") for reason, count in manifest.suppressed.items()]
        parts.append(table(["left out", f"{RIGHT}users"], left_out))
    if manifest.withheld:
        since = [(in_words(reason), f"{count:,}") for reason, count in manifest.withheld.items()]
        parts.append(table(["of them, since the send was made", f"{RIGHT}users"], since))
    notes = [(layout, note) for layout, found in manifest.notes.items() for note in found]
    if notes:
        parts.append(table(["layout", "to keep its limits"], notes))
    if manifest.consent != CHECKED:
        parts.append(plain(f"Consent was {manifest.consent}."))
    parts += [plain(warning, style="yellow") for warning in manifest.warnings]
    return Group(*parts)


def preview_view(ground: Ground, chosen: list[Chosen], *, n_audience: int, currency: str, most: int) -> RenderableType:
    """Return the mails of a few users, and why others would get none."""
    mails = [view for some in chosen for view in _mails(ground, some, currency)][:most]
    reasons = [why for some in chosen for why in some.reason if why]
    counts = sorted({(in_words(why), reasons.count(why)) for why in set(reasons)})
    looked_at = sum(len(some.reason) for some in chosen)
    parts: list[RenderableType] = [*mails] if n_audience else [plain("Nobody is in the audience.")]
    if counts:
        parts.append(table(["left out", f"{RIGHT}users"], [(why, f"{count:,}") for why, count in counts]))
        parts.append(plain(_looked_at(looked_at, n_audience)))
    return Group(*parts)


def why_nothing(ground: Ground, user: str, chosen: Chosen) -> str | None:
    """Return why somebody would get nothing, as a sentence; None if they would get a mail."""
    (reason,) = chosen.reason
    return f"{user} would get nothing: {_sentence(reason, ground.definition)}." if reason else None


def _looked_at(n: int, n_audience: int) -> str:
    if n == n_audience:
        return f"That is of all {n:,} users of the audience."
    return (
        f"That is of the first {n:,} of {n_audience:,} users of the audience: a preview stops when it has enough mails "
        "to show, and an export goes through all of them."
    )


def _sentence(reason: str, definition: Definition) -> str:
    """Return a reason to leave one person out, so that it can be understood without the docs."""
    return {
        NOT_IN_AUDIENCE: f"not in the audience ({definition.audience})",
        ERASED: "asked to be forgotten",
        UNSUBSCRIBED: "said no to mails",
        NO_CONSENT: "never said yes to mails",
        OPEN_COMPLAINT: "waits for a complaint to be settled",
        BOUGHT_RECENTLY: f"ordered in the last {definition.quiet_after_order_days:g} days, in which it stays quiet",
        FREQUENCY_CAP: f"got as many mails lately as the cap allows ({definition.cap})",
        OPTED_OUT: f"wants nothing chosen by their past, and a {definition.recipe} chooses by nothing else",
        TOO_FEW_PICKS: "there is too little to offer them that is in stock and was not refused or sent lately",
        CONTROL_GROUP: "in the control group, which gets no mail so that the others can be compared with it",
    }.get(reason, in_words(reason))


def in_words(reason: str) -> str:
    """Return a reason to leave somebody out as it is read."""
    return reason.replace("_", " ")


def _mails(ground: Ground, chosen: Chosen, currency: str) -> Iterator[RenderableType]:
    today = date.fromisoformat(str(ground.around.now)[:10])
    headings = [f"{RIGHT}#", "offered", f"{RIGHT}{currency}", "source", "why"]
    for row, why in enumerate(chosen.reason):
        if not why:
            sent = would_be_sent(ground, chosen, row)
            rows = [
                (
                    slot,
                    pick.item.title or pick.item.item_id,
                    price_words(pick.item.price, currency),
                    in_words(pick.source.label),
                    said(pick, today=today),
                )
                for slot, pick in enumerate(sent.picks, start=1)
            ]
            yield Group(plain(f"{sent.user_id}: {sent.segment.label}", style="bold"), table(headings, rows))
