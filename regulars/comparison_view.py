"""A comparison of two versions as a person reads it in a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from recommender.purpose import Purpose
from regulars.evaluation_view import TITLES
from regulars.terminal import RIGHT, plain, table
from training.comparison.compare import HEADLINE, Comparison, Side
from training.comparison.groups import NEW_DAYS, NEW_ORDERS, Breakdown
from training.comparison.paired import PairedFigure
from training.comparison.shelves import ItemShift, ShelfChange

METRICS = {"ndcg": "nDCG", "recall": "recall"}
LONGEST_TITLE = 44
LONGEST_VALUE = 24


def comparison_view(found: Comparison) -> RenderableType:
    """Return the whole comparison."""
    headline = Text.assemble(
        plain(f"A {found.a.version}", style="bold"),
        plain(f"  as of {found.a.as_of[:10]}\n"),
        plain(f"B {found.b.version}", style="bold"),
        plain(f"  as of {found.b.as_of[:10]}\n"),
    )
    return Group(headline, *_paired(found), *_shelves(found), *_changes(found), *(plain(note) for note in found.notes))


def _paired(found: Comparison) -> Iterator[RenderableType]:
    if found.why_unpaired is not None:
        yield plain(f"No figure is subtracted user by user: {found.why_unpaired}.\n", style="yellow")
        yield from (_standings(side, name) for side, name in ((found.a, "A"), (found.b, "B")))
        return
    for purpose in dict.fromkeys(figure.purpose for figure in found.figures):
        yield _figures(found, purpose)
        yield _bands(found, purpose)
    yield plain(
        f"B minus A over the same users, with {found.level:.0%} intervals. Decile 10 spent the most. "
        f"New users: first order within {NEW_DAYS} days before the test, or at most {NEW_ORDERS} orders. "
        "Head items: the first half of all purchases; tail: the last fifth.\n",
        style="dim",
    )


def _figures(found: Comparison, purpose: Purpose) -> RenderableType:
    rows = [_row(figure) for figure in found.figures if figure.purpose is purpose and _is_shown(figure)]
    headings = ["", f"@{found.k}", f"{RIGHT}users", f"{RIGHT}A", f"{RIGHT}B", f"{RIGHT}B − A", ""]
    return table(headings, rows, title=TITLES.get(purpose, purpose.value))


def _is_shown(figure: PairedFigure) -> bool:
    """Say whether a figure belongs into the terminal: of the deciles one metric; the page and JSON have all."""
    return figure.breakdown is not Breakdown.VALUE or figure.metric == HEADLINE


def _row(figure: PairedFigure) -> list[Text]:
    style, word = "", ""
    if figure.better:
        style, word = "green", "better"
    elif figure.worse:
        style, word = "red", "worse"
    interval = "" if figure.low is None or figure.high is None else f" [{figure.low:+.4f}, {figure.high:+.4f}]"
    cells = [_group(figure), METRICS[figure.metric], f"{figure.n_users:,}", f"{figure.a:.4f}", f"{figure.b:.4f}"]
    return [*(plain(cell) for cell in cells), plain(f"{figure.difference:+.4f}{interval}"), plain(word, style=style)]


def _group(figure: PairedFigure) -> str:
    if figure.breakdown is Breakdown.VALUE:
        return f"decile {figure.group}"
    return f"{figure.group} items" if figure.breakdown is Breakdown.POPULARITY else f"{figure.group} users"


def _bands(found: Comparison, purpose: Purpose) -> RenderableType:
    rows = [
        (
            f"{row.band} ({row.n_items:,} items)",
            f"{row.places_a:.1%}",
            f"{row.places_b:.1%}",
            f"{row.hits_a:.1%}",
            f"{row.hits_b:.1%}",
        )
        for row in found.bands
        if row.purpose is purpose
    ]
    headings = ["share of", f"{RIGHT}places A", f"{RIGHT}places B", f"{RIGHT}hits A", f"{RIGHT}hits B"]
    return table(headings, rows)


def _standings(side: Side, name: str) -> RenderableType:
    if not side.standings:
        return plain(f"{name} {side.version}: {side.problem or 'it was not measured'}.")
    rows = []
    for row in side.standings:
        lead = "" if row.hardest is None else f"{row.hardest.value:+.4f} over {row.hardest.baseline}"
        interval = "" if row.low is None or row.high is None else f" [{row.low:.4f}, {row.high:.4f}]"
        rows.append((TITLES.get(row.purpose, row.purpose.value), f"{row.value:.4f}{interval}", lead))
    title = f"{name}: {side.n_users:,} users, what they bought from {(side.cut or '')[:10]} on"
    return table(["", f"{RIGHT}nDCG@{side.standings[0].k}", f"{RIGHT}smallest lead"], rows, title=title)


def _shelves(found: Comparison) -> Iterator[RenderableType]:
    shelves = found.shelves
    if shelves is None:
        return
    yield plain("What customers would notice", style="bold")
    if not shelves.n_users:
        yield plain("The two versions have no user in common.\n")
        return
    yield plain(shelf_words(shelves) + "\n")
    for title, shifts in (("On more home shelves", shelves.rose), ("On fewer home shelves", shelves.fell)):
        if shifts:
            yield table(["", f"{RIGHT}A", f"{RIGHT}B"], [_shift(shift) for shift in shifts], title=title)


def shelf_words(shelves: ShelfChange) -> str:
    """Say in a few sentences how much the shelves differ."""
    n = shelves.n_users
    return (
        f"{shelves.changed / n:.1%} of {n:,} home shelves hold another pick, {shelves.reordered / n:.1%} the same in "
        f"another order, {shelves.unchanged / n:.1%} are the same. {shelves.mean_replaced:.1f} of {shelves.size} picks "
        f"are new on average. {shelves.items_a:,} different items before, {shelves.items_b:,} after. "
        f"A knows {shelves.users_a:,} users, B {shelves.users_b:,}, both {shelves.users_both:,}."
    )


def _shift(shift: ItemShift) -> tuple[str, int, int]:
    return _short(shift.title, LONGEST_TITLE), shift.a, shift.b


def _changes(found: Comparison) -> Iterator[RenderableType]:
    if found.changes is None:
        return
    if not found.changes:
        yield plain("Settings, data and libraries are the same.\n")
        return
    rows = [
        (row.what, _short(row.key, LONGEST_VALUE + 8), _short(row.a, LONGEST_VALUE), _short(row.b, LONGEST_VALUE))
        for row in found.changes
    ]
    yield table(["", "what differs", "A", "B"], rows)


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
