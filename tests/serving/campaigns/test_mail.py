"""Mails as they are sent: readable without style sheets, pictures or HTML, and harmless whatever the catalogue says."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from recommender.errors import ConfigError
from serving.campaigns.letters import Letter, LetterItem
from serving.campaigns.mail import LONGEST, Mail, Postman
from serving.campaigns.mail_settings import MailSettings
from tests.planted import HOSTILE_IDS

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'{{ 7*7 }}"


def item(number: int = 1, **changed: str) -> LetterItem:
    told = {
        "item_id": f"i{number}",
        "title": f"Green tea {number}",
        "category": "Tea",
        "price": "€2.50",
        "reason": "Because you bought mugs",
        "url": f"https://reco.example/l/{number}",
        "image_url": f"https://reco.example/i/{number}.png",
    }
    return LetterItem(**told | changed)


def letter(*items: LetterItem, **changed: Any) -> Letter:
    told: dict[str, Any] = {
        "language": "en",
        "heading": "Picked for you",
        "items": items or (item(1), item(2)),
        "shop_name": "Corner",
        "shop_url": "https://shop.example/",
        "to_shop": "Visit Corner",
        "why": "You get this mail because you are a customer of Corner.",
        "user_id": "17",
        "campaign": "win-back",
        "segment": "at risk",
        "coupon_tier": "",
    }
    return Letter(**told | changed)


def drawn(*items: LetterItem, **changed: Any) -> Mail:
    return Postman.of(MailSettings()).draw(letter(*items, **changed))


class Elements(HTMLParser):
    """Every element of a document with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def test_styles_are_in_the_elements() -> None:
    """What a mail program without style sheets needs is in each element; what is for dark screens stays a rule."""
    html = drawn().html
    elements = Elements(html)
    styled = [attributes for tag, attributes in elements.found if attributes.get("class")]
    assert styled
    assert all(attributes.get("style") for attributes in styled)
    (sheet,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert "prefers-color-scheme: dark" in sheet
    assert re.sub(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*\s*\}", "", sheet).strip() == ""


def test_the_layout_is_of_tables() -> None:
    """Outlook knows tables, widths as attributes and its own comments; who listens is told that they are layout."""
    html = drawn().html
    elements = Elements(html)
    assert all(table["role"] == "presentation" for table in elements.all("table"))
    assert all(picture["width"] and picture["height"] for picture in elements.all("img"))
    assert html.count("<!--[if mso]>") == html.count("<![endif]-->") == 3
    assert not re.search(r"display:\s*(flex|grid)|position:|float:", html)


def test_pictures_have_words() -> None:
    """Where pictures are not loaded, and for those who do not see them, there is the title."""
    pictures = Elements(drawn().html).all("img")
    assert [picture["alt"] for picture in pictures] == ["Green tea 1", "Green tea 2"]


def test_nothing_is_loaded_but_pictures_of_the_mail() -> None:
    """No script, no style sheet, no font, no beacon from elsewhere."""
    elements = Elements(drawn().html)
    assert {tag for tag, _ in elements.found} & {"script", "link", "iframe", "object", "form", "base", "svg"} == set()
    loaded = {attributes.get("src") for _, attributes in elements.found if attributes.get("src")}
    assert loaded == {"https://reco.example/i/1.png", "https://reco.example/i/2.png"}
    assert "url(" not in drawn().html


@pytest.mark.parametrize("text", [MARKUP, *HOSTILE_IDS])
def test_markup_in_a_text_is_text(text: str) -> None:
    """Whatever a title, a reason or a name holds, it is shown as it is and does nothing."""
    plain = Elements(drawn(item()).html)
    hostile = drawn(item(title=text, reason=text, price=text), shop_name=text, heading=text)
    assert [tag for tag, _ in Elements(hostile.html).found] == [tag for tag, _ in plain.found]
    assert not any(name.startswith("on") for _, attributes in Elements(hostile.html).found for name in attributes)
    assert text in hostile.text
    assert "49" not in hostile.html


def test_the_plain_text_says_the_same() -> None:
    """Each offer with its price, its reason and its link, on lines of their own."""
    text = drawn().text
    assert text.startswith("Corner\n\nPicked for you\n\n1. Green tea 1 · €2.50\n   Because you bought mugs\n")
    for told in ("https://reco.example/l/1", "https://reco.example/l/2", "https://shop.example/", "customer of Corner"):
        assert told in text
    assert not re.search(r"[<>{}]|\n\n\n", text)


def test_what_is_not_known_leaves_no_gap() -> None:
    """Without links, pictures, prices and a shop there are the titles, and nothing that leads nowhere."""
    mail = drawn(item(url="", image_url="", price="", reason=""), shop_url="")
    elements = Elements(mail.html)
    assert elements.all("a") == elements.all("img") == []
    assert "Green tea 1" in mail.html
    assert re.fullmatch(r"Corner\n\nPicked for you\n\n1\. Green tea 1\n\nYou get this .*\n", mail.text)


def test_mails_are_in_their_language() -> None:
    """The language is told to those who read aloud."""
    assert Elements(drawn(language="zh").html).all("html")[0]["lang"] == "zh"


def test_twenty_offers_are_not_cut_off() -> None:
    """The longest mail there can be stays below what Gmail shows."""
    titles = [item(number, title="Tea " * 40, reason="Because you bought " + "tea " * 40) for number in range(20)]
    assert len(drawn(*titles).html.encode()) < LONGEST


def test_the_shop_may_have_a_template_of_its_own(tmp_path: Path) -> None:
    """It gets the letter, may include what lies beside it, and its texts are escaped too."""
    (tmp_path / "line.html").write_text("<p>{{ item.title }}</p>")
    own = tmp_path / "own.html"
    own.write_text("<style>p { color: red }</style>{% for item in letter.items %}{% include 'line.html' %}{% endfor %}")
    text = tmp_path / "own.txt"
    text.write_text("{{ letter.coupon_tier }} for {{ letter.segment }}")
    postman = Postman.of(MailSettings(template=own, text_template=text))
    mail = postman.draw(letter(item(title="a <b>"), coupon_tier="5 % & more"))
    assert '<p style="color: red;">a &lt;b&gt;</p>' in mail.html
    assert mail.text == "5 % & more for at risk\n"


@pytest.mark.parametrize(
    "source",
    [
        "{{ letter.__class__.__mro__[1].__subclasses__() }}",
        "{{ letter.items.__init__.__globals__ }}",
        "{{ ''.__class__.mro()[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{{ self.__init__.__globals__ }}",
        "{% for i in range(10**9) %}x{% endfor %}",
        "{{ nothing }}",
        "{% include '../../etc/passwd' %}",
    ],
)
def test_a_template_reaches_nothing_but_the_letter(tmp_path: Path, source: str) -> None:
    """The sandbox stops it, and the message names the setting and the customer's mail."""
    own = tmp_path / "own.html"
    own.write_text(source)
    with pytest.raises(ConfigError, match=r"campaign\.template: the mail to '17' cannot be drawn"):
        Postman.of(MailSettings(template=own)).draw(letter())


@pytest.mark.parametrize(("key", "name"), [("template", "none.html"), ("text_template", "broken.txt")])
def test_a_template_that_cannot_be_read_is_named(tmp_path: Path, key: str, name: str) -> None:
    """A missing or broken file stops an export before anything is written."""
    (tmp_path / "broken.txt").write_text("{% for %}")
    with pytest.raises(ConfigError, match=rf"campaign\.{key}: .*{name} cannot be used"):
        Postman.of(MailSettings.model_validate({key: tmp_path / name}))
