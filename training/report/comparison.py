"""The page about two versions: one HTML file that needs nothing else, in the style of the training report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup

from recommender.purpose import Purpose
from training.comparison.compare import Comparison, Side
from training.comparison.groups import Breakdown
from training.comparison.paired import PairedFigure
from training.comparison.shelves import ItemShift, ShelfChange
from training.report.findings import HEADLINE_METRIC, Finding
from training.report.glossary import METRICS, PURPOSES, metric_label
from training.report.illustration import Illustration, illustrate
from training.report.plots import Bar, Dot, draw_bars, draw_dots
from training.report.svg import Ink
from training.report.tables import Table, interval, number

_FOLDER = Path(__file__).parent

_INKS = {"better": Ink.GOOD, "worse": Ink.BAD, "undecided": Ink.MUTED}
_MARKERS = {"better": "o", "worse": "X", "undecided": "s"}
_HEADLINES = {"better": "B is better", "worse": "B is worse", "undecided": "No sure difference"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawing:
    """What one drawing of differences is about."""

    name: str
    title: str
    caption: str
    breakdowns: frozenset[Breakdown]
    metric: str = HEADLINE_METRIC


_DRAWINGS = (
    _Drawing(
        name="everybody",
        title="Everybody, new and warm customers",
        caption="New customers placed their first order within 30 days before the test, or no more than two orders.",
        breakdowns=frozenset({Breakdown.EVERYBODY, Breakdown.AGE}),
    ),
    _Drawing(
        name="value",
        title="By customer value",
        caption="Ten equal groups by money spent before the test; 10 spent the most.",
        breakdowns=frozenset({Breakdown.VALUE}),
    ),
    _Drawing(
        name="popularity",
        title="By popularity of what was bought",
        caption="Of the head, middle and tail items that a customer bought, how many the list held. Head items make "
        "up the first half of all purchases before the test, tail items the last fifth.",
        breakdowns=frozenset({Breakdown.POPULARITY}),
        metric="recall",
    ),
)


def render_comparison(found: Comparison, *, shop: str) -> str:
    """Return the page. Same comparison, same bytes; every text is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shelves = found.shelves
    return environment.get_template("comparison.html.j2").render(
        shop=shop,
        found=found,
        css=Markup((_FOLDER / "report.css").read_text(encoding="utf-8")),  # noqa: S704  # our own file
        findings=[_finding(found, figure) for figure in found.figures if _is_headline(figure)],
        drawings=list(_differences(found)),
        figures=[_all_figures(found, purpose) for purpose in _purposes(found)],
        bands=_bands(found),
        standings=[_standing(side, name) for side, name in ((found.a, "A"), (found.b, "B")) if side.standings],
        shelf_drawing=_replaced(shelves) if shelves and shelves.n_users else None,
        shifts=[_shifts(*each) for each in _moved(shelves)] if shelves else [],
        changes=Table.of(
            "What differs", ["What", "Of", "A", "B"], [[row.key, row.what, row.a, row.b] for row in found.changes or ()]
        ),
    )


def write_comparison(found: Comparison, folder: Path, *, shop: str) -> Path:
    """Write ``compare-<a>-<b>.html`` into `folder` and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / f"compare-{found.a.version}-{found.b.version}.html"
    page.write_text(render_comparison(found, shop=shop), encoding="utf-8")
    return page


def _purposes(found: Comparison) -> list[Purpose]:
    return list(dict.fromkeys(figure.purpose for figure in found.figures))


def _name(purpose: Purpose) -> str:
    return PURPOSES.get(purpose, purpose.value)


def _verdict(figure: PairedFigure) -> str:
    if figure.better:
        return "better"
    return "worse" if figure.worse else "undecided"


def _is_headline(figure: PairedFigure) -> bool:
    return figure.breakdown is Breakdown.EVERYBODY and figure.metric == HEADLINE_METRIC


def _finding(found: Comparison, figure: PairedFigure) -> Finding:
    label = metric_label(figure.metric, found.k or 0)
    share = f" ({figure.difference / figure.a:+.1%})" if figure.a else ""
    span = interval(figure.low, figure.high, signed=True)
    return Finding(
        title=_name(figure.purpose),
        verdict=_verdict(figure),
        headline=_HEADLINES[_verdict(figure)],
        detail=f"{label} {figure.b:.4f} against {figure.a:.4f}: {figure.difference:+.4f}{share}, "
        f"{found.level:.0%} interval {span}, {figure.n_users:,} customers.",
    )


def _differences(found: Comparison) -> Iterator[Illustration]:
    for drawing in _DRAWINGS:
        rows = [row for row in found.figures if row.breakdown in drawing.breakdowns and row.metric == drawing.metric]
        if rows:
            yield _difference(found, drawing, rows)


def _difference(found: Comparison, drawing: _Drawing, rows: Sequence[PairedFigure]) -> Illustration:
    label = metric_label(drawing.metric, found.k or 0)
    panels = [
        (_name(purpose), [_dot(row) for row in rows if row.purpose is purpose])
        for purpose in dict.fromkeys(row.purpose for row in rows)
    ]
    return illustrate(
        drawing.name,
        title=f"{drawing.title}: B minus A",
        caption=f"Mean difference in {label} over the same customers, with {found.level:.0%} intervals; right of the "
        f"line B is better. {drawing.caption}",
        alt="; ".join(f"{_name(row.purpose)}, {_group(row)}: {row.difference:+.4f}, {_verdict(row)}" for row in rows),
        figure=lambda: draw_dots(panels, xlabel=f"difference in {label}", zero=True),
        table=_figure_table(f"Difference in {label}", rows),
    )


def _dot(row: PairedFigure) -> Dot:
    verdict = _verdict(row)
    return Dot(
        label=_group(row),
        value=row.difference,
        low=row.low,
        high=row.high,
        ink=_INKS[verdict],
        marker=_MARKERS[verdict],
    )


def _group(row: PairedFigure) -> str:
    if row.breakdown is Breakdown.VALUE:
        return f"decile {row.group}"
    return f"{row.group} items" if row.breakdown is Breakdown.POPULARITY else f"{row.group} customers"


def _all_figures(found: Comparison, purpose: Purpose) -> Table:
    return _figure_table(_name(purpose), [row for row in found.figures if row.purpose is purpose])


def _figure_table(caption: str, rows: Sequence[PairedFigure]) -> Table:
    return Table.of(
        caption,
        ["Among", "Lists of", "Metric", "A", "B", "B − A", "Interval", "Customers", "Verdict"],
        [
            [
                _group(row),
                _name(row.purpose),
                METRICS[row.metric][0],
                number(row.a),
                number(row.b),
                f"{row.difference:+.4f}",
                interval(row.low, row.high, signed=True),
                f"{row.n_users:,}",
                _verdict(row),
            ]
            for row in rows
        ],
    )


def _bands(found: Comparison) -> Table:
    return Table.of(
        "Of which items the lists and their hits are",
        ["Items", "Lists of", "Number", "Places A", "Places B", "Hits A", "Hits B"],
        [
            [row.band, _name(row.purpose), f"{row.n_items:,}"]
            + [f"{share:.1%}" for share in (row.places_a, row.places_b, row.hits_a, row.hits_b)]
            for row in found.bands
        ],
    )


def _standing(side: Side, name: str) -> Table:
    rows = []
    for row in side.standings:
        hardest, label = row.hardest, metric_label(row.metric, row.k)
        lead = ["–", "–", "–"]
        if hardest is not None:
            lead = [hardest.baseline, f"{hardest.value:+.4f}", interval(hardest.low, hardest.high, signed=True)]
        rows.append([_name(row.purpose), label, number(row.value), interval(row.low, row.high), *lead])
    return Table.of(
        f"{name}, {side.version}: {side.n_users or 0:,} customers, what they bought from {(side.cut or '')[:10]} on",
        ["Lists of", "Metric", "Value", "Interval", "Hardest baseline", "Lead", "Its interval"],
        rows,
    )


def _replaced(shelves: ShelfChange) -> Illustration:
    counts = list(enumerate(shelves.replaced))
    words = [f"{picks} of {shelves.size} new" for picks, _ in counts]
    shares = [f"{count / shelves.n_users:.1%}" for _, count in counts]
    bars = [
        Bar(label=word, value=count, text=f"{count:,} ({share})")
        for word, share, (_, count) in zip(words, shares, counts, strict=True)
    ]
    return illustrate(
        "replaced",
        title="How many picks of a home shelf are new",
        caption=f"Home shelves of {shelves.n_users:,} customers, by how many of B's picks A would not have shown them; "
        f"{shelves.mean_replaced:.1f} on average.",
        alt="; ".join(f"{word}: {share}" for word, share in zip(words, shares, strict=True)),
        figure=lambda: draw_bars([("", bars)]),
        table=Table.of(
            "Home shelves by new picks",
            ["New picks", "Shelves", "Share"],
            [[str(picks), f"{count:,}", share] for (picks, count), share in zip(counts, shares, strict=True)],
        ),
    )


def _moved(shelves: ShelfChange) -> Iterator[tuple[str, Sequence[ItemShift]]]:
    if shelves.rose:
        yield "Items that rose most, by home shelves they stand on", shelves.rose
    if shelves.fell:
        yield "Items that fell most, by home shelves they stand on", shelves.fell


def _shifts(caption: str, shifts: Sequence[ItemShift]) -> Table:
    return Table.of(
        caption,
        ["Item", "Id", "A", "B", "Change"],
        [[row.title, row.item_id, f"{row.a:,}", f"{row.b:,}", f"{row.b - row.a:+,}"] for row in shifts],
    )
