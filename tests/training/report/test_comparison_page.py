"""The page about two versions."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from recommender.purpose import Purpose
from tests.measurements import BOOTSTRAP, measured_of
from tests.training.report.report_examples import HOSTILE
from tests.training.report.test_page import Page
from training.comparison.changes import Change
from training.comparison.compare import Comparison, Side, Standing
from training.comparison.paired import band_shares, paired_figures
from training.comparison.shelves import ItemShift, ShelfChange
from training.report.comparison import render_comparison, write_comparison

NOISE = np.random.default_rng(4).normal(0, 0.05, 60)
A = measured_of({Purpose.ALL: {"regulars": list(0.4 + NOISE)}, Purpose.NEW: {"regulars": list(0.4 + NOISE)}})
B = measured_of(
    {Purpose.ALL: {"regulars": list(0.5 + NOISE)}, Purpose.NEW: {"regulars": list(0.2 + NOISE)}},
    version="20240701-bbbbbbbbbbbb",
)
SHELVES = ShelfChange(
    n_users=4,
    users_a=10,
    users_b=12,
    users_both=9,
    size=10,
    unchanged=1,
    reordered=1,
    replaced=(2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0),
    items_a=20,
    items_b=21,
    rose=(ItemShift(item_id="a", title=HOSTILE, a=0, b=3),),
    fell=(ItemShift(item_id="b", title="Tea", a=4, b=1),),
)


def side(version: str) -> Side:
    """One side, measured on its own window."""
    standing = Standing(purpose=Purpose.ALL, metric="ndcg", k=10, value=0.4, low=0.3, high=0.5, hardest=None)
    return Side(
        version=version,
        as_of="2024-07-01T00:00:00",
        cut="2024-06-01T00:00:00",
        n_users=60,
        standings=(standing,),
        problem=None,
    )


def comparison() -> Comparison:
    """A comparison with everything in it."""
    assert A.outcomes is not None
    assert B.outcomes is not None
    return Comparison(
        a=side(A.version),
        b=side(B.version),
        k=10,
        level=0.95,
        resamples=BOOTSTRAP.resamples,
        why_unpaired=None,
        notes=(HOSTILE,),
        figures=tuple(paired_figures(A.outcomes, B.outcomes, BOOTSTRAP)),
        bands=tuple(band_shares(A.outcomes, B.outcomes)),
        shelves=SHELVES,
        changes=(Change(what="settings", key="items.title", a=HOSTILE, b="x"),),
    )


@pytest.fixture(scope="module")
def html() -> str:
    """The page with everything in it."""
    return render_comparison(comparison(), shop=HOSTILE)


def test_the_page_is_whole(html: str) -> None:
    """Elements are closed, ids are unique, links have targets, and nothing is loaded."""
    page = Page(html)
    assert (page.unbalanced, page.open) == ([], [])
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {attributes["href"] for attributes in page.all("a")} <= {f"#{name}" for name in ids}
    assert not {tag for tag, _ in page.elements} & {"script", "link", "img", "iframe"}
    assert len(page.all("svg")) == len(page.all("figure")) == 4
    assert len(page.all("caption")) == len(page.all("table"))


def test_names_from_outside_stay_text(html: str) -> None:
    """A shop, a title, a note or a setting cannot inject markup."""
    assert "<script" not in html
    assert html.count("<title>") == 1


def test_the_page_says_who_wins(html: str) -> None:
    """Better on all items, worse on new ones, with figures and intervals."""
    assert re.search(r"card better.*?B is better.*?\+0\.1000.*?95% interval", html, re.S)
    assert re.search(r"card worse.*?B is worse.*?-0\.2000", html, re.S)
    assert "50.0% of 4 home" in html.replace("\n", " ")
    assert "Items that rose most" in html


def test_what_cannot_be_compared_is_not_subtracted() -> None:
    """Without a common window the page gives the reason and each version's own figures."""
    apart = dataclasses.replace(
        comparison(), k=None, why_unpaired="the test windows differ", figures=(), bands=(), shelves=None, changes=()
    )
    html = render_comparison(apart, shop="Corner Store")
    page = Page(html)
    assert (page.unbalanced, page.open) == ([], [])
    assert "It cannot be said customer by customer: the test windows differ." in html
    assert "must not be subtracted" in html
    assert len(page.all("table")) == 2
    assert "B is" not in html.replace("Is B better", "")
    assert "Settings, data and libraries are the same" in html


def test_versions_without_a_common_user() -> None:
    """Two shops' worth of different customers still have a page."""
    alone = dataclasses.replace(SHELVES, n_users=0, replaced=(0,) * 11, unchanged=0, reordered=0, rose=(), fell=())
    html = render_comparison(dataclasses.replace(comparison(), shelves=alone), shop="Corner Store")
    assert "no customer in common" in html


def test_the_page_lies_beside_the_reports(tmp_path: Path, html: str) -> None:
    """Its name holds both versions, and the same comparison gives the same bytes."""
    page = write_comparison(comparison(), tmp_path / "reports", shop=HOSTILE)
    assert page.name == f"compare-{A.version}-{B.version}.html"
    assert page.read_text(encoding="utf-8") == html
