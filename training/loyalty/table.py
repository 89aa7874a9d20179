"""All customers of a version as one Parquet file beside its report: ``reports/<version>.customers.parquet``.

One row per user of the model, in the order of their ids; the columns are described in docs/loyalty.md. It names users:
whoever is to be forgotten is in here until the version's files are deleted.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from recommender.loyalty.due import soonest_due
from recommender.loyalty.rfm import Segment
from recommender.model import Model


def customers_path(version: str, folder: Path) -> Path:
    """Return where the customers of `version` are kept."""
    return folder / f"{version}.customers.parquet"


def save_customers(model: Model, version: str, folder: Path) -> Path:
    """Write the customers of `model` into `folder`, as a whole or not at all, and return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = customers_path(version, folder)
    unfinished = path.with_name(f".{path.name}.tmp")
    customer_table(model).write_parquet(unfinished)
    return unfinished.replace(path)


def customer_table(model: Model) -> pl.DataFrame:
    """Return one row per user; what is not known of somebody is null."""
    base, outlook = model.customers, model.outlook
    labels = np.array([segment.label for segment in Segment])
    return pl.DataFrame(
        {
            "user_id": list(model.users.ids),
            "segment": labels[base.segment].tolist(),
            "recency_days": _known(base.recency_days),
            "frequency": pl.Series(base.frequency),
            "monetary": pl.Series(base.monetary),
            "gap_days": _known(base.gap_days),
            "recency_score": _score(base.recency_score),
            "frequency_score": _score(base.frequency_score),
            "monetary_score": _score(base.monetary_score),
            "alive": _known(outlook.alive),
            "orders_30": _known(outlook.orders_30),
            "orders_90": _known(outlook.orders_90),
            "value_90": _known(outlook.value_90),
            "next_order": pl.Series(outlook.next_order),
            "next_order_from": pl.Series(outlook.next_order_from),
            "next_order_until": pl.Series(outlook.next_order_until),
            "next_due": pl.Series(soonest_due(model.histories, model.repeat, now=model.as_of)),
        }
    )


def _known(column: npt.NDArray[np.float32]) -> pl.Series:
    """Return a column whose infinities and gaps are null."""
    values = pl.Series(column)
    return values.set(pl.Series(~np.isfinite(column)), None)


def _score(column: npt.NDArray[np.uint8]) -> pl.Series:
    """Return a column of scores; a prospect has none."""
    values = pl.Series(column)
    return values.set(pl.Series(column == 0), None)
