"""What a fragment says about a slate: words, prices, days, addresses, and nothing that could be more than text."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from recommender.errors import ConfigError
from serving.fragments.amounts import price_text
from serving.fragments.looks import stylesheet
from serving.fragments.shelf import Drawer, look_of, web_address
from serving.fragments.texts import as_json, language_of, messages, say
from tests.planted import HOSTILE_IDS

DRAWER = Drawer.of(None)


class Drawn(HTMLParser):
    """The tags, attributes and texts of a fragment."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._class = ""
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take notice of a tag."""
        self.tags.append((tag, dict(attrs)))
        self._class = (dict(attrs).get("class") or "").removeprefix("regulars-")

    def handle_data(self, data: str) -> None:
        """Take notice of a text."""
        if data.strip():
            self.texts.setdefault(self._class, []).append(data)

    def attributes(self, tag: str, name: str) -> list[str | None]:
        """Return an attribute of every such tag."""
        return [attributes.get(name) for found, attributes in self.tags if found == tag]


def item(rank: int = 1, **changed: Any) -> dict[str, Any]:
    """Return an item as it stands on a slate."""
    reason = {"code": "because_you_bought", "item_id": "7", "item_title": "Tea", "due_on": None}
    return {
        "item_id": "milk",
        "title": "Milk 1 l",
        "category": "Dairy",
        "department": "",
        "brand": "",
        "price": 1.29,
        "currency": "EUR",
        "url": "/milk?id=1&page=2",
        "image_url": "/v1/items/milk/picture.svg",
        "in_stock": True,
        "rank": rank,
        "score": 1.0,
        "source": "personal",
        "reason": reason,
        **changed,
    }


def slate(*items: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """Return a slate as the API answers it."""
    return {
        "slate_id": "5" * 32,
        "user_id": "17",
        "placement": "home",
        "source": "personal",
        "degraded": False,
        "model_version": "v",
        "created_at": "2018-01-01T04:01:21.000Z",
        "items": list(items),
        **changed,
    }


def drawn(*items: dict[str, Any], placement: str = "home", language: str = "en", **changed: Any) -> Drawn:
    """Draw a slate."""
    return Drawn(DRAWER.draw(slate(*items, **changed), look_of(placement, language=language)))


def test_nothing_to_show_is_nothing() -> None:
    """Not even an empty section."""
    assert DRAWER.draw(slate(), look_of("home")) == ""


@pytest.mark.parametrize("hostile", HOSTILE_IDS)
def test_everything_is_text(hostile: str) -> None:
    """No id, title, reason, heading or address becomes a tag or an attribute of its own."""
    nasty = item(
        item_id=hostile,
        title=hostile,
        category=hostile,
        url=f"/{hostile}",
        image_url=f"/{hostile}",
        reason={"code": "because_you_bought", "item_id": hostile, "item_title": hostile, "due_on": None},
    )
    found = Drawn(DRAWER.draw(slate(nasty, slate_id=hostile, placement=hostile), look_of("home", heading=hostile)))
    plain = drawn(item())
    assert [tag for tag, _ in found.tags] == [tag for tag, _ in plain.tags]
    assert [sorted(attributes) for _, attributes in found.tags] == [sorted(named) for _, named in plain.tags]
    assert found.attributes("li", "data-item") == [hostile]
    assert found.texts["name"] == [hostile]
    assert found.texts["heading"] == [hostile]
    assert found.texts["reason"] == [f"Because you bought {hostile}"]


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        *((address, True) for address in ("https://shop.example/a:b", "HTTP://x", "/a", "//shop.example/a", "a/b:c")),
        *((address, True) for address in ("?id=a:b", "#a:b", "", "a%20b", "空")),
        *((address, False) for address in ("javascript:alert(1)", "JaVaScRiPt:x", "data:text/html,x", "vbscript:x")),
        *((address, False) for address in ("java\nscript:x", "\tjavascript:x", " javascript:x", "\\\\evil.example")),
        *((address, False) for address in ("mailto:a@b", "x:y", "https\u200b://x", "ht\x00tps://x")),
    ],
)
def test_addresses_lead_to_pages(address: str, kept: bool) -> None:
    """Whatever else a browser would follow, or run, is no link."""
    assert web_address(address) == (address if kept else "")


def test_links_carry_nothing_personal() -> None:
    """The catalogue's address as it is; who was asked for stands nowhere."""
    content = DRAWER.draw(slate(item(), user_id="customer-17"), look_of("home"))
    assert Drawn(content).attributes("a", "href") == ["/milk?id=1&page=2"]
    assert "customer-17" not in content


def test_an_item_without_a_page_is_no_link() -> None:
    """Nothing to press that does nothing."""
    found = drawn(item(url="javascript:alert(1)", image_url="data:image/svg+xml,x"))
    assert found.attributes("a", "href") == []
    assert found.attributes("img", "src") == []
    assert found.texts["name"] == ["Milk 1 l"]


def test_pictures_of_ours_are_fetched_from_us() -> None:
    """Those that the API draws lie there; a shop's own lie where the catalogue says."""
    look = look_of("home", base="https://reco.example")
    content = DRAWER.draw(
        slate(item(), item(image_url="/img/milk.png"), item(image_url="https://cdn.example/m.png")), look
    )
    assert Drawn(content).attributes("img", "src") == [
        *("https://reco.example/v1/items/milk/picture.svg", "/img/milk.png", "https://cdn.example/m.png")
    ]


REASONS: list[tuple[dict[str, Any] | None, str, str]] = [
    ({"code": "because_you_bought"}, "Because you bought Tea", "因为你买过Tea"),
    ({"code": "because_you_bought", "item_title": None}, "Because you bought 7", "因为你买过7"),
    ({"code": "bought_together"}, "Bought together with Tea", "常与Tea一起购买"),
    ({"code": "popular_in_category"}, "Popular in Dairy", "Dairy热销"),
    ({"code": "trending"}, "Trending now", "正在流行"),
    ({"code": "buy_again", "due_on": "2018-01-04"}, "Time to restock", "该补货了"),
    ({"code": "buy_again", "due_on": "2018-01-05"}, "You may need it around Jan\u00a05", "大约1月5日需要补货"),
    ({"code": "buy_again", "due_on": "2017-11-30"}, "Time to restock", "该补货了"),
    ({"code": "buy_again"}, "Buy again", "再次购买"),
    ({"code": "similar_to", "item_id": None, "item_title": None}, "A favourite in this shop", "店内热销"),
    ({"code": "of_tomorrow"}, "", ""),
    (None, "", ""),
]


@pytest.mark.parametrize(("reason", "english", "chinese"), REASONS)
def test_reasons_in_words(reason: dict[str, Any] | None, english: str, chinese: str) -> None:
    """By the slate's own day; what a reason lacks makes it a plainer one, never a wrong one."""
    whole = None if reason is None else {"item_id": "7", "item_title": "Tea", "due_on": None, **reason}
    for language, words in (("en", english), ("zh-Hant", chinese), ("fr", english), ("", english)):
        assert "".join(drawn(item(reason=whole), language=language).texts.get("reason", [])) == words


@pytest.mark.parametrize(
    ("placement", "source", "heading"),
    [
        ("home", "personal", "Picked for you"),
        ("home", "popular", "Popular right now"),
        ("product", "popular_in_category", "Popular right now"),
        ("bought-together", "bought_together", "Often bought together"),
        ("bestsellers", "popular", "Bestsellers"),
    ],
)
def test_headings_do_not_claim_too_much(placement: str, source: str, heading: str) -> None:
    """What is popular is not called picked for anybody; the section's name is its heading."""
    found = drawn(item(), placement=placement, source=source)
    assert found.texts["heading"] == [heading]
    assert found.attributes("section", "aria-label") == [heading]


def test_prices_and_what_is_sold_out() -> None:
    """In the item's currency; nothing where no price is known."""
    found = drawn(item(price=1234.5), item(price=None), item(in_stock=False), language="zh")
    assert found.texts["price"] == ["€1,234.50", "已售罄"]


@pytest.mark.parametrize(
    ("price", "currency", "english"),
    [
        *(
            (1.005, "USD", "$1.01"),
            (0.0, "USD", "$0.00"),
            (1e12, "JPY", "¥1,000,000,000,000"),
            (1.0, "KWD", "KWD\u00a01.000"),
        ),
        *(
            (1e-7, "USD", "$0.00"),
            (0.1 + 0.2, "EUR", "€0.30"),
            (5.0, "AED", "AED\u00a05.00"),
            (2.5, "XAF", "FCFA\u00a03"),
        ),
    ],
)
def test_prices_are_rounded_as_they_are_written(price: float, currency: str, english: str) -> None:
    """Half a unit goes up, as written in decimals, not as a binary fraction falls."""
    assert price_text(price, currency, "en") == english


def test_own_templates(tmp_path: Path) -> None:
    """A template of the shop's own gets the same, is escaped too, and may leave a shelf empty."""
    own = tmp_path / "deals.html"
    own.write_text("{% for item in items %}<b>{{ item.title }} {{ item.price }} {{ language }}</b>{% endfor %}")
    drawer = Drawer.of(own)
    assert drawer.draw(slate(item(title="<i>")), look_of("home")) == "<b>&lt;i&gt; €1.29 en</b>"
    assert drawer.draw(slate(), look_of("home")) == ""


@pytest.mark.parametrize("content", [None, "{% for %}", b"\xff"])
def test_templates_that_cannot_be_used(tmp_path: Path, content: str | bytes | None) -> None:
    """They are refused when the server starts, with the file and what is wrong."""
    own = tmp_path / "shelf.html"
    if content is not None:
        own.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError, match=r"fragments\.template: .*shelf\.html cannot be used"):
        Drawer.of(own)


def test_every_language_has_every_text() -> None:
    """What the widget says in English, it says in each language, with the same values to be filled in."""
    english = messages()["en"]
    assert {"heading_home", "because_due_later", "soldOut"} <= english.keys()
    for texts in messages().values():
        assert texts.keys() == english.keys()
    assert (language_of("ZH-cn"), language_of("fr"), language_of("")) == ("zh", "en", "en")
    assert say("zh", "because_due_later", {"date": ""}) is None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("{ a: 1, }", '{ "a": 1 }'),
        ('{ "a-b": "c: d, }" }', '{ "a-b": "c: d, }" }'),
        ('{ a: "\\"b\\", // c" } // d: e', '{ "a": "\\"b\\", // c" } '),
        ("{ a: [1, 2, /* x, */ ] }", '{ "a": [1, 2  ] }'),
    ],
)
def test_texts_are_read_as_they_are_written(written: str, read: str) -> None:
    """Names get quotes; texts are left alone, whatever they hold."""
    assert as_json(written).split() == read.split()


def test_the_stylesheet_is_for_sections() -> None:
    """The widget's rules, with its variables on what a fragment consists of, and a scroll bar in place of buttons."""
    css = stylesheet().decode()
    assert "\n.regulars-shelf {\n  --_width" in css
    assert css.count("{") == css.count("}")
    assert "`" not in css
    assert "scrollbar-width: thin" in css
    assert "scrollbar-width: none" not in css
    assert "${" not in css
