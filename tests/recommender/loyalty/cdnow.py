"""The CDNOW sample: 2,357 customers of a music shop on the web, 39 weeks from their first order in early 1997.

The summary of Fader & Hardie (http://brucehardie.com/datasets/), as it comes with the package lifetimes 0.11.3 (MIT
licence, ``cdnow_customers_summary_with_transactions.csv``), in days, customers of equal figures in one row. Mean
money is that of repeat orders.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

DAYS_PER_WEEK = 7
"""The estimates were published for weeks."""


def table() -> dict[str, npt.NDArray[np.float64]]:
    """Return the columns; who ordered once has no money."""
    path = Path(__file__).with_name("cdnow.csv")
    names = path.read_text(encoding="utf-8").split("\n", 1)[0].split(",")
    values = np.genfromtxt(path, delimiter=",", skip_header=1)
    return dict(zip(names, values.T, strict=True))
