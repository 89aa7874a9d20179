"""From the rows of a log to `Interactions`, with every row accounted for.

In this order:

1. Items excluded by the configuration go.
2. Rows dated more than a year after nearly all others go to quarantine: one mistyped century would otherwise become
   "today" and make every honest row ancient.
3. A line that is identical in everything to another is counted once: exports repeat themselves. A purchase that is in
   the purchase log and in the event files too is the log's.
4. What remains twice in one order is merged into one line, quantities and amounts added: scanned item by item.
5. Returns take back earlier purchases (`training.returns`).
6. Purchases without any amount go: coupons, vouchers and samples, not choices.
7. Robots and wholesalers are capped: orders of one user on one day, and rows of one user.

A user who asked to be forgotten is a guest from the start: their orders still say what goes together, not whose they
are.

``rows read = rows kept + quarantined + set aside``, always; `CleaningReport` says how many for which reason.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from recommender.errors import EmptyLog
from recommender.events import Event
from recommender.ids import IdMap
from recommender.interactions import GUEST, SECONDS_PER_DAY, Interactions
from training.returns import net_returns
from training.settings import CleaningSettings
from training.sources.log import REASON, LogRows
from training.sources.tabular import LINE

FAR_AHEAD_DAYS = 366
FAR_AHEAD_QUANTILE = 0.999
FAR_AHEAD_ROWS = 50
"""Below this many rows nothing can be called "nearly all others"; below 1,000, they are all rows but the last."""

_SORT = ["time", "user", "order", "item", "event", "quantity", "amount"]
_DAY, _NUMBER = "__day", "__number"
_IS_PURCHASE = pl.col("event") == int(Event.PURCHASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CleaningReport:
    """What was read, what was kept, and why the rest was not."""

    files: tuple[str, ...]
    rows_read: int
    rows_kept: int
    guest_rows: int
    """Rows among those kept whose buyer is unknown."""
    users: int
    items: int
    orders: int
    first: str
    """ISO 8601, UTC: the earliest row kept."""
    last: str
    quarantined: Mapping[str, int]
    """Reason → rows that make no sense; they are in the quarantine file."""
    set_aside: Mapping[str, int]
    """Reason → rows that make sense and are not learned from."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON values."""
        return {**dataclasses.asdict(self), "files": list(self.files)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> CleaningReport:
        """Rebuild from `to_dict`; raise `TypeError` if a field is missing."""
        return cls(**{**content, "files": tuple(content["files"])})


@dataclass(frozen=True, slots=True)
class CleanLog:
    """A log that can be learned from."""

    interactions: Interactions
    report: CleaningReport
    refused: pl.DataFrame
    """The quarantined rows; see `training.quarantine`."""


def clean(
    log: LogRows,
    settings: CleaningSettings,
    *,
    excluded: Collection[str] = (),
    erased: Collection[str] = (),
    time_zone: str = "UTC",
) -> CleanLog:
    """Turn `log` into interactions; days are those of `time_zone`.

    `excluded` are ids of items to leave out, `erased` those of users who asked to be forgotten.

    Raises
    ------
    EmptyLog
        If no row is left.
    """
    ledger = _Ledger(log)
    rows = _without_excluded(_anonymous(log.rows, erased), excluded, ledger)
    rows = _without_far_ahead(rows, settings, ledger)
    rows = _without_duplicates(rows.sort(_SORT, nulls_last=True), ledger)
    rows = _merged(rows, ledger)
    rows = _netted(rows, ledger)
    if not settings.keep_free_lines:
        rows = ledger.keep(rows, "purchases without any amount", ~(_IS_PURCHASE & (pl.col("amount") == 0)))
    rows = _capped(_with_orders(rows, time_zone), settings, ledger)
    if rows.is_empty():
        raise EmptyLog(ledger.why_empty())
    interactions = to_interactions(rows)
    return CleanLog(interactions, ledger.report(interactions), ledger.refused())


class _Ledger:
    """Keeps count of every row that leaves."""

    def __init__(self, log: LogRows) -> None:
        self._log = log
        self._refused = [log.refused] if log.refused.height else []
        self._set_aside = Counter(log.unused)

    def keep(self, rows: pl.DataFrame, reason: str, keep: pl.Expr) -> pl.DataFrame:
        """Return the rows that satisfy `keep` and set the others aside."""
        kept = rows.filter(keep.fill_null(value=True))
        self.set_aside(reason, rows.height - kept.height)
        return kept

    def set_aside(self, reason: str, count: int) -> None:
        """Count rows that make sense and are not learned from."""
        self._set_aside += Counter({reason: count})

    def refuse(self, reason: str, rows: pl.DataFrame) -> None:
        """Quarantine `rows`."""
        if rows.height:
            stamped = rows.drop("event").with_columns(pl.from_epoch("time"), pl.lit(reason).alias(REASON))
            self._refused.append(stamped.with_columns(pl.exclude(LINE).cast(pl.String)))

    def refused(self) -> pl.DataFrame:
        """Return every quarantined row."""
        return pl.concat(self._refused, how="diagonal") if self._refused else pl.DataFrame()

    def reasons(self) -> dict[str, int]:
        """Count the quarantined rows by reason, most frequent first."""
        return _ranked(Counter(self.refused()[REASON].to_list() if self._refused else ()))

    def why_empty(self) -> str:
        """Say why nothing is left."""
        names = ", ".join(self._log.files) or "the log"
        if not self._log.n_read:
            return f"{names}: there are no rows; name a file with purchases in [purchases] paths"
        reasons = Counter(self.reasons()) + self._set_aside
        listed = "; ".join(f"{count} × {reason}" for reason, count in reasons.most_common(3))
        return f"{names}: none of {self._log.n_read} rows can be learned from ({listed})"

    def report(self, interactions: Interactions) -> CleaningReport:
        """Close the account."""
        return CleaningReport(
            files=self._log.files,
            rows_read=self._log.n_read,
            rows_kept=len(interactions),
            guest_rows=int((interactions.user == GUEST).sum()),
            users=len(interactions.users),
            items=len(interactions.items),
            orders=interactions.purchases().n_orders,
            first=str(interactions.time.min()),
            last=str(interactions.time.max()),
            quarantined=self.reasons(),
            set_aside=_ranked(self._set_aside),
        )


def _ranked(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))


def _anonymous(rows: pl.DataFrame, erased: Collection[str]) -> pl.DataFrame:
    if not erased:
        return rows
    is_erased = pl.col("user").is_in(sorted(erased))
    return rows.with_columns(pl.when(~is_erased).then(pl.col("user")).alias("user"))


def _without_excluded(rows: pl.DataFrame, excluded: Collection[str], ledger: _Ledger) -> pl.DataFrame:
    if not excluded:
        return rows
    return ledger.keep(rows, "items excluded in [items]", ~pl.col("item").is_in(sorted(excluded)))


def _without_far_ahead(rows: pl.DataFrame, settings: CleaningSettings, ledger: _Ledger) -> pl.DataFrame:
    if settings.latest is not None or rows.height < FAR_AHEAD_ROWS:
        return rows
    nearly_all = rows["time"].quantile(FAR_AHEAD_QUANTILE, interpolation="lower") or 0
    is_far = pl.col("time") > nearly_all + FAR_AHEAD_DAYS * SECONDS_PER_DAY
    ledger.refuse("the time is more than a year after nearly all others", rows.filter(is_far))
    return rows.filter(~is_far)


def _without_duplicates(rows: pl.DataFrame, ledger: _Ledger) -> pl.DataFrame:
    is_event = pl.col("event_id").is_not_null()
    logged = rows.filter(~is_event)
    once = logged.unique(_SORT, keep="first", maintain_order=True)
    ledger.set_aside("lines identical to another", logged.height - once.height)
    events = rows.filter(is_event)
    if events.is_empty():
        return once
    key = ["user", "order", "item"]
    sold = once.filter(_IS_PURCHASE, pl.col("order").is_not_null()).select(key)
    is_sold = events.join(sold, on=key, how="semi", nulls_equal=True, maintain_order="left")
    twice = is_sold.filter(_IS_PURCHASE, pl.col("order").is_not_null())
    ledger.set_aside("reported purchases that are in the purchase log", twice.height)
    fresh = events.join(twice, on="event_id", how="anti", maintain_order="left")
    return pl.concat([once, fresh]).sort(_SORT, nulls_last=True)


def _merged(rows: pl.DataFrame, ledger: _Ledger) -> pl.DataFrame:
    """Add up the purchases of one item in one order."""
    key = ["user", "order", "item"]
    in_order = _IS_PURCHASE & pl.col("order").is_not_null()
    is_repeated = in_order & (pl.len().over([*key, "event"]) > 1)
    repeated = rows.filter(is_repeated)
    if repeated.is_empty():
        return rows
    sums = [
        pl.col("quantity").sum(),
        pl.when(pl.col("amount").is_not_null().any()).then(pl.col("amount").sum()),
    ]
    rest = pl.exclude(*key, "quantity", "amount").first()
    merged = repeated.group_by(key, maintain_order=True).agg(*sums, rest).select(rows.columns)
    ledger.set_aside("lines merged into another of the same order", repeated.height - merged.height)
    return pl.concat([rows.filter(~is_repeated), merged]).sort(_SORT, nulls_last=True)


def _netted(rows: pl.DataFrame, ledger: _Ledger) -> pl.DataFrame:
    netted = net_returns(rows)
    ledger.set_aside("returns that took an earlier purchase back", netted.n_matched)
    ledger.set_aside("purchases that were returned", netted.n_undone)
    ledger.refuse("the return has no earlier purchase", netted.unmatched)
    return netted.rows


def _with_orders(rows: pl.DataFrame, time_zone: str) -> pl.DataFrame:
    """Number the orders in the sequence they were placed, whatever the sequence of the rows.

    Without an order id, a user's purchases of one day are one order, and each of a guest's lines is its own.
    """
    local = pl.from_epoch("time").dt.replace_time_zone("UTC").dt.convert_time_zone(time_zone)
    rows = rows.with_columns(local.dt.date().to_physical().alias(_DAY)).with_row_index("__row")
    has_order, has_user = pl.col("order").is_not_null(), pl.col("user").is_not_null()
    within = pl.when(has_order).then(0).when(has_user).then(pl.col(_DAY) + 1).otherwise(-pl.col("__row").cast(pl.Int64))
    rows = rows.with_columns(within.cast(pl.Int64).alias("__within"))
    key = ["order", "user", "__within"]
    numbers = rows.group_by(key).agg(pl.col("time").min().alias("__first"))
    numbers = numbers.sort("__first", *key, nulls_last=True).drop("__first").with_row_index(_NUMBER)
    numbered = rows.join(numbers, on=key, how="left", nulls_equal=True, maintain_order="left")
    return numbered.drop("__row", "__within")


def _capped(rows: pl.DataFrame, settings: CleaningSettings, ledger: _Ledger) -> pl.DataFrame:
    """Keep what one person can do; `rows` are sorted by time."""
    is_user = pl.col("user").is_not_null()
    nth_order = pl.col(_NUMBER).rank("dense").over("user", _DAY)
    rows = ledger.keep(
        rows,
        f"orders beyond {settings.max_orders_per_day} of one user on one day",
        ~(is_user & _IS_PURCHASE) | (nth_order <= settings.max_orders_per_day),
    )
    from_last = pl.int_range(pl.len(), 0, -1).over("user")
    return ledger.keep(
        rows,
        f"rows of one user before the latest {settings.max_rows_per_user}",
        ~is_user | (from_last <= settings.max_rows_per_user),
    )


def to_interactions(rows: pl.DataFrame) -> Interactions:
    """Number the users, items and orders of cleaned `rows`."""
    users, user = _indexed(rows["user"])
    items, item = _indexed(rows["item"])
    _, order = np.unique(rows[_NUMBER].to_numpy(), return_inverse=True)
    return Interactions.from_columns(
        users,
        items,
        user=user,
        item=item,
        event=rows["event"].to_numpy().astype(np.int8),
        quantity=rows["quantity"].to_numpy().astype(np.float32),
        amount=rows["amount"].fill_null(0.0).to_numpy(),
        order=order.astype(np.int32),
        time=rows["time"].to_numpy().astype("datetime64[s]"),
    )


def _indexed(column: pl.Series) -> tuple[IdMap, npt.NDArray[np.int32]]:
    values = column.drop_nulls().unique().sort()
    codes = column.cast(pl.Enum(values)).to_physical().cast(pl.Int32).fill_null(GUEST)
    return IdMap(tuple(values)), codes.to_numpy()
