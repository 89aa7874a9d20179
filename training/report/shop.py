"""The figures about the data and the model: what went in, who the customers are, what was learned."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

from recommender.blend import FEATURES
from recommender.purpose import Purpose
from training.cleaning import CleaningReport
from training.report.facts import ShopFacts
from training.report.glossary import PURPOSES
from training.report.illustration import Illustration, illustrate
from training.report.plots import Bar, draw_bars, draw_weeks
from training.report.svg import Ink
from training.report.tables import Table


def shop_figures(cleaning: CleaningReport, facts: ShopFacts) -> Iterator[Illustration]:
    """Yield the drawings of the data section."""
    yield _rows(cleaning)
    if facts.weeks:
        yield _weeks(facts)
    if any(facts.segments.values()):
        yield _segments(facts)


def blend_figure(blend: Mapping[str, Mapping[str, float]]) -> Illustration | None:
    """Return the drawing of the learned weights by component, or None where nothing was learned."""
    learned = {name: weights for name, weights in blend.items() if any(weights.values())}
    if not learned:
        return None
    features = list(dict.fromkeys(feature for weights in learned.values() for feature in weights))
    panels = [(_purpose(name), list(_weights(features, weights))) for name, weights in learned.items()]
    return illustrate(
        "blend",
        title="What the model learned to weigh",
        caption="Weight of each signal in the score, by component, learned on a window before the holdout. Signals "
        "have their own scales, so compare signs and purposes rather than lengths.",
        alt="Bars of the weight of every signal, one panel per purpose; the table below has every figure",
        figure=lambda: draw_bars(panels, columns=2 if len(panels) > 1 else None),
        table=Table.of(
            "Blend weights",
            ["Signal", "Component", *(_purpose(name) for name in learned)],
            [
                [feature, _component(feature), *(f"{weights.get(feature, 0.0):+.4f}" for weights in learned.values())]
                for feature in features
            ],
        ),
    )


def _weights(features: Sequence[str], weights: Mapping[str, float]) -> Iterator[Bar]:
    """Yield a heading per component, and below it its signals; of one that weighs nothing, the heading alone."""
    for component, group in itertools.groupby(features, key=_component):
        named = {feature: weights.get(feature, 0.0) for feature in group}
        silent = not any(named.values())
        yield Bar(label=component, value=0.0, text="no say" if silent else "", heading=True)
        for feature, value in () if silent else named.items():
            ink = Ink.SERIES_1 if value >= 0 else Ink.SERIES_2
            text = "0.00" if abs(value) < 0.005 else f"{value:+.2f}"
            yield Bar(label=feature.replace("_", " "), value=value, text=text, ink=ink)


def _component(feature: str) -> str:
    return FEATURES[feature].name.capitalize() if feature in FEATURES else "Other"


def _purpose(name: str) -> str:
    return PURPOSES[Purpose(name)]


def _rows(cleaning: CleaningReport) -> Illustration:
    counts = [("kept", cleaning.rows_kept, Ink.SERIES_1)]
    counts += [(f"set aside: {reason}", count, Ink.SERIES_2) for reason, count in _ranked(cleaning.set_aside)]
    counts += [(f"quarantined: {reason}", count, Ink.BAD) for reason, count in _ranked(cleaning.quarantined)]
    whole = max(cleaning.rows_read, 1)
    bars = [
        Bar(label=label, value=count, text=f"{count:,} ({count / whole:.1%})", ink=ink) for label, count, ink in counts
    ]
    return illustrate(
        "rows",
        title=f"Every one of the {cleaning.rows_read:,} rows is accounted for",
        caption="Rows set aside make sense but are not learned from; quarantined rows make no sense and wait in a "
        "file with their reasons.",
        alt="; ".join(f"{label}: {count:,}" for label, count, _ in counts),
        figure=lambda: draw_bars([("", bars)]),
        table=Table.of(
            "Rows read",
            ["What became of them", "Rows", "Share"],
            [[label, f"{count:,}", f"{count / whole:.2%}"] for label, count, _ in counts],
        ),
    )


def _ranked(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(((reason, count) for reason, count in counts.items() if count), key=lambda entry: -entry[1])


def _weeks(facts: ShopFacts) -> Illustration:
    return illustrate(
        "weeks",
        title="Orders and repeat share by week",
        caption="The repeat share rises at first because the log knows no earlier orders; the first and the last week "
        "may be incomplete.",
        alt=f"{len(facts.weeks)} weeks from {facts.weeks[0]}, {min(facts.orders):,} to {max(facts.orders):,} orders "
        f"each; repeat share over the whole log {facts.repeat_share:.1%}",
        figure=lambda: draw_weeks(
            facts.weeks,
            [("Orders", facts.orders, False), ("Share of items ordered before", facts.repeat_shares, True)],
        ),
        table=Table.of(
            "Orders and repeat share by week",
            ["Week from", "Orders", "Repeat share"],
            [
                [week, f"{orders:,}", "–" if share is None else f"{share:.1%}"]
                for week, orders, share in zip(facts.weeks, facts.orders, facts.repeat_shares, strict=True)
            ],
        ),
    )


def _segments(facts: ShopFacts) -> Illustration:
    total = sum(facts.segments.values())
    bars = [
        Bar(label=name, value=count, text=f"{count:,} ({count / total:.1%})") for name, count in facts.segments.items()
    ]
    return illustrate(
        "segments",
        title="Customers by segment",
        caption="By how recently, how often and for how much they bought, at the end of the log.",
        alt="; ".join(f"{name}: {count:,}" for name, count in facts.segments.items()),
        figure=lambda: draw_bars([("", bars)]),
        table=Table.of(
            "Customers by segment",
            ["Segment", "Customers", "Share"],
            [[name, f"{count:,}", f"{count / total:.1%}"] for name, count in facts.segments.items()],
        ),
    )
