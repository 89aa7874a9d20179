"""The figures about slates beyond accuracy: what the diversity dial costs, and how varied what is shown is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recommender.purpose import Purpose
from recommender.slate_quality import SlateQuality
from training.report.findings import Finding
from training.report.glossary import PURPOSES, REASONS, SLATE_METRICS
from training.report.illustration import Illustration, illustrate
from training.report.plots import Bar, Curve, Line, Spot, draw_bars, draw_curves, draw_lines
from training.report.tables import Table, interval
from training.variety import RANKED, SHOWN, VarietyFigures

SWEPT = ("repeated_categories", "vector_diversity", "coverage", "novelty", "freshness", "something_new")
"""Drawn over the dial, one panel each."""
VARIED = "repeated_categories"
"""Drawn against accuracy: what a shopper notices first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slates:
    """The content of the section."""

    dial: str
    """The dial of this version; empty where it is unknown."""
    costs: tuple[str, ...]
    """A sentence per purpose: what the dial costs and brings."""
    figures: tuple[Illustration, ...]
    tables: tuple[Table, ...]
    reasons: Illustration | None
    n_users: int
    """Of the holdout's sample."""


def slates_of(variety: VarietyFigures, *, settings: Mapping[str, Any]) -> Slates:
    """Return the content of the section; `settings` are those of ``[slates]``."""
    chosen = settings.get("diversity")
    return Slates(
        dial="" if chosen is None else f"{chosen:g}",
        costs=tuple(_costs(variety.tradeoff, chosen)),
        figures=tuple(variety_figures(variety, chosen=chosen)),
        tables=tuple(slate_tables(variety)),
        reasons=reasons_figure(variety),
        n_users=max((row.n_users for row in variety.slates), default=0),
    )


def shown_finding(variety: VarietyFigures) -> Finding | None:
    """Return a card about what arranging the slates changes, or None where nothing was measured."""
    rows = next(iter(_by_purpose(variety.slates).values()), [])
    at = {row.ranker: row for row in rows}
    if RANKED not in at or SHOWN not in at:
        return None
    ranked, shown = at[RANKED].figures, at[SHOWN].figures
    words = {name: f"{ranked[name]:.4f} → {shown[name]:.4f}" for name in ("ndcg", "ndcg_by_title")}
    return Finding(
        title=f"What is shown, {PURPOSES[rows[0].purpose].lower()}",
        verdict="plain",
        headline=f"{ranked[VARIED]:.1f} → {shown[VARIED]:.1f} repeated categories",
        detail=f"The slate's own rules change the ranking: nDCG@{rows[0].k} {words['ndcg']} by item id, "
        f"{words['ndcg_by_title']} by title, on {rows[0].n_users:,} customers.",
    )


def variety_figures(variety: VarietyFigures, *, chosen: float | None) -> Iterator[Illustration]:
    """Yield the drawings of the section; `chosen` is the dial of this version."""
    if variety.tradeoff:
        yield _tradeoff(variety.tradeoff, chosen)
        yield _over_the_dial(variety.tradeoff, chosen)


def slate_tables(variety: VarietyFigures) -> list[Table]:
    """Return, for each purpose, every figure of the ranking, of the slates as shown and of the baselines."""
    return [_slates(rows, purpose) for purpose, rows in _by_purpose(variety.slates).items()]


def reasons_figure(variety: VarietyFigures) -> Illustration | None:
    """Return the drawing of what the shown items rest on, or None where nothing was shown."""
    shares = {Purpose(name): found for name, found in variety.reasons.items() if found}
    if not shares:
        return None
    named = {
        purpose: {REASONS.get(code, code): share for code, share in found.items()} for purpose, found in shares.items()
    }
    panels = [
        (PURPOSES[purpose], [Bar(label=reason, value=share, text=f"{share:.1%}") for reason, share in found.items()])
        for purpose, found in named.items()
    ]
    return illustrate(
        "reasons",
        title="Why items are shown",
        caption="Of all places shown on the holdout, the share whose item was lifted most by each kind of evidence.",
        alt="; ".join(
            f"{PURPOSES[purpose]}, {reason}: {share:.1%}"
            for purpose, found in named.items()
            for reason, share in found.items()
        ),
        figure=lambda: draw_bars(panels),
        table=Table.of(
            "Share of the places shown",
            ["Reason", "Lists of", "Share"],
            [
                [reason, PURPOSES[purpose], f"{share:.1%}"]
                for purpose, found in named.items()
                for reason, share in found.items()
            ],
        ),
    )


def _costs(rows: Sequence[SlateQuality], chosen: float | None) -> Iterator[str]:
    if chosen is None:
        return
    for purpose, found in _by_purpose(rows).items():
        at = {row.dial: row for row in found if row.dial is not None}
        straight, turned = at.get(0.0), at.get(chosen)
        if straight is None or turned is None or turned.ndcg_change is None:
            continue
        change, low, high = turned.ndcg_change
        before, after = (row.figures["repeated_categories"] for row in (straight, turned))
        yield (
            f"{PURPOSES[purpose]}: nDCG@{turned.k} {change:+.4f} ({low:+.4f} to {high:+.4f}) against the dial at 0, "
            f"and {after:.1f} instead of {before:.1f} repeated categories in {turned.k} places."
        )


def _tradeoff(rows: Sequence[SlateQuality], chosen: float | None) -> Illustration:
    panels = [(PURPOSES[purpose], _curve(found, chosen), _spots(found)) for purpose, found in _by_purpose(rows).items()]
    return illustrate(
        "tradeoff",
        title="What variety costs",
        caption="Each named point is a setting of the diversity dial, from 0 (scores alone) to 0.9; the ring marks "
        "this version's. Higher is more accurate, further right more varied. Measured on the validation window, never "
        "on the holdout; the blend learned from the same weeks. The panels have their own scales.",
        alt="; ".join(_point_words(row) for row in rows),
        figure=lambda: draw_curves(
            panels, xlabel="repeated categories in a list (fewer to the right)", ylabel=f"nDCG@{rows[0].k}"
        ),
        table=Table.of(
            "Accuracy against variety",
            [
                "Lists",
                "Of",
                "Dial",
                f"nDCG@{rows[0].k}",
                "Change",
                "Interval",
                *(SLATE_METRICS[name][0] for name in SWEPT),
            ],
            [_swept_row(row) for row in rows],
        ),
    )


def _curve(rows: Sequence[SlateQuality], chosen: float | None) -> Curve:
    dials = [row for row in rows if row.dial is not None]
    return Curve(
        label="diversity dial",
        x=[row.figures[VARIED] for row in dials],
        y=[row.figures["ndcg"] for row in dials],
        texts=[f"{row.dial:g}" for row in dials],
        ring=next((at for at, row in enumerate(dials) if row.dial == chosen), None),
    )


def _spots(rows: Sequence[SlateQuality]) -> list[Spot]:
    baselines = [row for row in rows if row.dial is None]
    seen: dict[tuple[float, float], list[str]] = {}
    for row in baselines:
        seen.setdefault((row.figures[VARIED], row.figures["ndcg"]), []).append(row.ranker)
    return [Spot(label=", ".join(names), x=x, y=y) for (x, y), names in seen.items()]


def _point_words(row: SlateQuality) -> str:
    name = row.ranker if row.dial is None else f"dial {row.dial:g}"
    ndcg, varied = row.figures["ndcg"], row.figures[VARIED]
    return f"{PURPOSES[row.purpose]}, {name}: nDCG {ndcg:.4f}, repeated categories {varied:.2f}"


def _swept_row(row: SlateQuality) -> list[str]:
    change, low, high = row.ndcg_change or (None, None, None)
    return [
        row.ranker,
        PURPOSES[row.purpose],
        "–" if row.dial is None else f"{row.dial:g}",
        f"{row.figures['ndcg']:.4f}",
        "–" if change is None else f"{change:+.4f}",
        interval(low, high, signed=True),
        *(_amount(name, row.figures[name]) for name in SWEPT),
    ]


def _over_the_dial(rows: Sequence[SlateQuality], chosen: float | None) -> Illustration:
    by_purpose = {
        purpose: [row for row in found if row.dial is not None] for purpose, found in _by_purpose(rows).items()
    }
    panels = [
        (
            SLATE_METRICS[name][0],
            [
                Line.plain(PURPOSES[purpose], [row.dial or 0.0 for row in found], [row.figures[name] for row in found])
                for purpose, found in by_purpose.items()
            ],
        )
        for name in SWEPT
    ]
    return illustrate(
        "dial",
        title="What the dial turns",
        caption="The same slates, one figure a panel; the dashed line marks this version's dial. The glossary says "
        "what each figure means.",
        alt="Lines over the dial from 0 to 0.9 for "
        + ", ".join(SLATE_METRICS[name][0].lower() for name in SWEPT)
        + "; the table of the drawing above has every figure",
        figure=lambda: draw_lines(panels, xlabel="diversity dial", columns=3, whole=False, mark=chosen),
        table=Table.of(
            "Figures over the dial",
            ["Dial", "Of", *(SLATE_METRICS[name][0] for name in SWEPT)],
            [
                [f"{row.dial:g}", PURPOSES[purpose], *(_amount(name, row.figures[name]) for name in SWEPT)]
                for purpose, found in by_purpose.items()
                for row in found
            ],
        ),
    )


def _slates(rows: Sequence[SlateQuality], purpose: Purpose) -> Table:
    return Table.of(
        f"{PURPOSES[purpose]}: slates",
        ["Figure", *(_LISTS.get(row.ranker, row.ranker) for row in rows)],
        [
            [f"{label}@{rows[0].k}", *(_amount(name, row.figures[name]) for row in rows)]
            for name, (label, _) in SLATE_METRICS.items()
        ],
    )


_LISTS = {RANKED: "ranking alone", SHOWN: "as shown"}


def _by_purpose(rows: Sequence[SlateQuality]) -> dict[Purpose, list[SlateQuality]]:
    return {
        purpose: [row for row in rows if row.purpose is purpose] for purpose in dict.fromkeys(r.purpose for r in rows)
    }


def _amount(name: str, value: float) -> str:
    return _FORMS.get(name, "{:.3f}").format(value)


_FORMS = {
    "ndcg": "{:.4f}",
    "recall": "{:.4f}",
    "ndcg_by_title": "{:.4f}",
    "repeated_categories": "{:.2f}",
    "coverage": "{:.2%}",
    "novelty": "{:.2f}",
    "freshness": "{:.1%}",
    "item_age": "{:,.0f} d",
    "something_new": "{:.1%}",
}
