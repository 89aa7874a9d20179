"""Everything a report says of the customer base, from the cleaned log."""

from __future__ import annotations

from recommender.errors import EmptyLog
from recommender.interactions import Interactions
from recommender.loyalty.concentration import Concentration
from recommender.loyalty.forecast import Forecast
from recommender.loyalty.movement import Cohorts, Movement
from recommender.loyalty.orders import Orders
from recommender.loyalty.summary import Summary
from recommender.model import Model
from training.loyalty.calibration import calibrate
from training.loyalty.figures import Calibration, Estimate, Fitted, LoyaltyFigures


def measure_loyalty(interactions: Interactions, model: Model) -> LoyaltyFigures:
    """Describe the customers of `interactions`, and hold out its end to see what the outlook was worth.

    `model` is the one trained on all of it.
    """
    orders, now = Orders.from_interactions(interactions), model.as_of
    calibration: Calibration | None = None
    why = ""
    try:
        calibration = calibrate(interactions, model.catalogue.category, now=now)
    except EmptyLog as reason:
        why = str(reason)
    return LoyaltyFigures(
        fitted=_fitted(Forecast.fit(Summary.from_orders(orders, now=now)), model),
        calibration=calibration,
        why_uncalibrated=why,
        concentration=Concentration.of(model.customers.monetary[model.customers.frequency > 0]),
        movement=Movement.of(orders, now=now),
        cohorts=Cohorts.of(orders, now=now),
    )


def _fitted(forecast: Forecast, model: Model) -> Fitted:
    return Fitted(
        estimates=tuple(
            Estimate(model=part, name=name, value=value, error=error)
            for part, fit in forecast.fits.items()
            for name, value, error in zip(fit.names, fit.estimate, fit.error, strict=True)
        ),
        reasons=dict(forecast.reasons),
        leaves_at_once=forecast.buying is not None and forecast.buying.leaves_at_once,
        regularity=float(model.repeat.regularity),
    )
