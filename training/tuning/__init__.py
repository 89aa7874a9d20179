"""The search for better settings, on a window in the past.

::

    ───────── log ─────────┬─────── validation ───────┬──── test ────┐
    fit ───────────────────┘ half of the users: learn │  never read  │
                             the others: measure ─────┘              │

`space` says what may vary, `window` holds the data, `bench` measures one set of settings, `study` remembers what was
tried and proposes what to try next (it alone imports optuna), `search` goes round until the budget is spent,
`findings` says what came of it, and `page` and `fragment` write that down.
"""

from training.tuning.findings import Findings
from training.tuning.search import Budget, Request, tune
from training.tuning.space import KEYS

__all__ = ["KEYS", "Budget", "Findings", "Request", "tune"]
