import itertools
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from recommender.bootstrap import Bootstrap
from recommender.evaluation import evaluate
from recommender.evaluation_table import EvaluationTable
from recommender.holdout import Holdout
from recommender.item_lists import ItemLists
from recommender.purpose import Purpose
from recommender.splits import time_split
from tests import planted
from tests.training.report.report_examples import HOSTILE, evaluation_of, report_of
from training.report import ReportData, render, write_report


class Page(HTMLParser):
    """What a browser would make of the page: elements, their attributes, and text outside of styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.unbalanced: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def evaluation() -> EvaluationTable:
    return evaluation_of(planted.shop().log)


@pytest.fixture(scope="module")
def data(evaluation: EvaluationTable) -> ReportData:
    return report_of(planted.shop().log, evaluation, previous=evaluation, previous_version="20241130-aaaaaaaaaaaa")


@pytest.fixture(scope="module")
def html(data: ReportData) -> str:
    return render(data)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_every_element_is_closed(page: Page) -> None:
    """The page is well formed, drawings included."""
    assert page.unbalanced == []
    assert page.open == []


def test_each_id_occurs_once_and_every_link_has_its_target(page: Page) -> None:
    """Drawings that share a page do not share ids; sections, labels and clip paths are found."""
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    wanted = set()
    for _, attributes in page.elements:
        for name, value in attributes.items():
            if name in {"href", "xlink:href"} and value and value.startswith("#"):
                wanted.add(value.removeprefix("#"))
            elif name == "aria-labelledby":
                wanted.add(value or "")
            wanted |= set(re.findall(r"url\(#([^)]+)\)", value or ""))
    assert wanted <= set(ids)


def test_nothing_is_loaded_from_anywhere(html: str, page: Page) -> None:
    """No script, no link, no image, no font: the file can be mailed and opened years later."""
    assert not {tag for tag, _ in page.elements} & {"script", "link", "img", "iframe", "image", "object"}
    addresses = set(re.findall(r"(?:https?:)?//[^\s\"'<>)]+", html))
    assert addresses == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "@import" not in html
    [policy] = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_names_from_outside_stay_text(html: str) -> None:
    """A shop, a file, a step, a setting or a reason cannot inject markup."""
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert html.count("<title>") == 1


def test_every_drawing_can_be_read_without_seeing(page: Page) -> None:
    """Each has a text alternative, a title, a caption, and a table with headings."""
    drawings = [attributes for attributes in page.all("svg") if attributes.get("role") == "img"]
    assert len(drawings) == len(page.all("svg")) == len(page.all("figure")) == len(page.all("figcaption")) == 15
    assert all(attributes["aria-label"] for attributes in drawings)
    assert len(page.all("caption")) == len(page.all("table"))
    assert {attributes.get("scope") for attributes in page.all("th")} == {"col", "row"}


def test_headings_form_an_outline(page: Page) -> None:
    """One h1, and no level is skipped."""
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_colours_are_roles(html: str) -> None:
    """Drawings use the variables of the style sheet only, so that dark mode reaches them."""
    style, drawings = html.split("</style>", 1)
    assert re.findall(r"(?:fill|stroke): #\w+", drawings) == []
    used = set(re.findall(r"var\((--[\w-]+)\)", drawings))
    light, dark = style.split("prefers-color-scheme: dark", 1)
    assert all(f"{name}:" in light and f"{name}:" in dark for name in used - {"--share"})


def test_the_same_data_give_the_same_bytes(data: ReportData, html: str) -> None:
    """No date, no random id: a report can be compared with the last one."""
    assert render(data) == html


def test_the_page_says_what_it_is_about(html: str, data: ReportData) -> None:
    """Version, span, findings, steps, parameters and libraries are on the page."""
    for text in (
        data.version,
        data.cleaning.first[:10],
        "groups of customers by value",
        "Beside the published version 20241130-aaaaaaaaaaaa",
        "als.factors",
        "2.4.6",
        "1.25",
        "nDCG@10",
        "Items new to the customer",
        "at risk",
    ):
        assert text in html


def test_a_log_too_short_to_measure_says_so() -> None:
    """Without an evaluation, a blend or steps the page is whole and does not pretend."""
    html = render(report_of(planted.shop().log, None, blend={}, steps=(), previous=None))
    page = Page(html)
    assert page.unbalanced == []
    assert "too short to hold anything out" in html
    assert 'href="#accuracy"' not in html
    assert "No weights were learned" in html
    assert "No step was measured" in html


def test_a_change_of_season_is_named(data: ReportData) -> None:
    """Figures of two different holdouts are not compared without a word."""
    later = evaluation_of(planted.shop().log, day=300)
    assert "that of the season" in render(report_of(planted.shop().log, data.evaluation, previous=later))
    assert "that of the season" not in render(data)


def test_a_ranker_alone_has_figures_and_no_finding() -> None:
    """Without baselines there is nothing to be better than, and without resamples no interval."""
    split = time_split(planted.shop().log, planted.at(330))
    holdout = Holdout.from_split(split)
    lists = {purpose: ItemLists.empty(len(holdout)) for purpose in Purpose}
    table = evaluate({"model": lists}, holdout, subject="model", bootstrap=Bootstrap(resamples=0))
    html = render(report_of(planted.shop().log, table))
    assert "without a baseline" in html
    assert "No intervals were drawn" in html


@pytest.mark.parametrize("name", planted.TINY)
def test_the_smallest_logs_have_a_page(name: str) -> None:
    """One user, one item, one day: every drawing still works."""
    assert Page(render(report_of(planted.TINY[name], None))).unbalanced == []


def test_page_and_content_are_written_side_by_side(data: ReportData, html: str, tmp_path: Path) -> None:
    """The JSON beside the page draws the same page again."""
    written = write_report(data, tmp_path / "reports" / "空")
    assert written.read_text(encoding="utf-8") == html
    assert sorted(path.name for path in written.parent.iterdir()) == [f"{data.version}.html", f"{data.version}.json"]


def test_hostile_names_are_hostile() -> None:
    """The example really holds what would break a careless page."""
    assert "<script>" in HOSTILE


def test_the_dial_of_the_version_is_named(html: str) -> None:
    """What variety costs is said in words, beside the drawing that shows it."""
    assert "the diversity dial at 0.2" in html
    assert "All items: nDCG@10 -0.0100 (-0.0200 to +0.0010) against the dial at 0" in html
    assert 'id="tradeoff-title"' in html
    assert '<th scope="col">as shown</th>' in html


def test_households_are_told_in_words(html: str) -> None:
    """Why an item is offered, and an empty shelf says that it is one."""
    assert "bought before, needed around 1 February · Dairy" in html
    assert "goes with &lt;/title&gt;" in html
    assert "Nothing: they own everything that may be offered." in html


def test_sections_without_content_are_left_out(evaluation: EvaluationTable) -> None:
    """A record without slates or households has no heading above nothing."""
    html = render(report_of(planted.shop().log, evaluation, variety=None, examples=()))
    assert 'id="slates"' not in html
    assert 'id="households"' not in html
    assert "How varied the lists are" in html


def test_glossary_is_sorted_and_says_everything_once(html: str) -> None:
    """A reader finds a word where the alphabet has it."""
    terms = re.findall("<dt>([^<]+)</dt><dd>", html.split('id="glossary"')[1])
    assert terms == sorted(set(terms), key=str.casefold)
    assert {"nDCG", "Fresh items", "Diversity dial"} <= set(terms)
