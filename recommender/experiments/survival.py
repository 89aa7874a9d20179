"""How long until something happens, when some were not watched long enough to know.

Who ordered yesterday for the first time has not "not come back": nobody knows yet. Leaving such visitors out, or
counting them as lost, makes a young group look bad. The estimators here use the time each visitor was watched::

    S(t) = Π_{t_i ≤ t} (1 − d_i / n_i)                                   Kaplan & Meier 1958
    Var S(t) = S(t)² Σ_{t_i ≤ t} d_i / (n_i (n_i − d_i))                 Greenwood 1926
    RMST(H) = ∫_0^H S(t) dt,   Var = Σ_{t_i ≤ H} A_i² d_i / (n_i (n_i − d_i)),  A_i = ∫_{t_i}^H S(t) dt

n_i are those still watched just before t_i, d_i those it happened to then. The restricted mean survival time is the
mean number of days until it happens, where H days stand for "not within H days" (Royston & Parmar 2013).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Survival:
    """What is known of one group up to a horizon."""

    n: int
    """Who was watched at all."""
    events: int
    """Of them, those it happened to up to the horizon."""
    watched: int
    """Of them, those it did not happen to and who were watched up to the horizon."""
    share: float
    """1 − S(H): the share that it happens to within the horizon."""
    share_error: float
    """Standard error of it."""
    days: float
    """RMST(H)."""
    days_error: float


def survival(days: npt.NDArray[np.float64], happened: npt.NDArray[np.bool_], *, horizon: float) -> Survival:
    """Estimate from the days each visitor was watched until it happened or watching ended.

    Parameters
    ----------
    days
        (n,) at least 0.
    happened
        (n,) whether it happened then; otherwise the visitor was watched so long and it had not.
    horizon
        Days after which nobody is watched any more.
    """
    inside = happened & (days <= horizon)
    when, count = np.unique(days[inside], return_counts=True)
    at_risk = len(days) - np.sort(days).searchsorted(when, side="left")
    stays = np.cumprod(1 - count / at_risk)
    # Where everybody who was watched is gone, S is 0 and so is its variance; the sum has no value there.
    left = at_risk - count
    hazard = np.divide(count, at_risk * left.astype(np.float64), out=np.zeros(len(when)), where=left > 0)
    steps = np.diff(np.concatenate([[0.0], when, [horizon]]))
    areas = steps * np.concatenate([[1.0], stays])
    after = areas[::-1].cumsum()[::-1][1:]
    final = float(stays[-1]) if len(stays) else 1.0
    return Survival(
        n=len(days),
        events=int(inside.sum()),
        watched=int((~inside & (days >= horizon)).sum()),
        share=1 - final,
        share_error=final * float(np.sqrt(hazard.sum())),
        days=float(areas.sum()),
        days_error=float(np.sqrt((after**2 * hazard).sum())),
    )
