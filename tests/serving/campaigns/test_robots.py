"""Programs that follow links, and people."""

from __future__ import annotations

import pytest

from serving.campaigns.robots import AT_ONCE, MAX_REMEMBERED, SECONDS, Pace, is_person

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile Safari/604.1"
PEOPLE = (
    PHONE,
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (Linux; Android 14; SM-S918B) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
)
PROGRAMS = (
    "",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "facebookexternalhit/1.1",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0)",
    "BarracudaCentral/Link Protection",
    "curl/8.5.0",
    "python-requests/2.32",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/126.0.0.0 Safari/537.36",
)


@pytest.mark.parametrize("agent", PEOPLE)
def test_browsers_are_people(agent: str) -> None:
    """A browser that navigates is taken for somebody."""
    assert is_person("GET", {"user-agent": agent, "sec-fetch-mode": "navigate"})


@pytest.mark.parametrize("agent", PROGRAMS)
def test_programs_are_not(agent: str) -> None:
    """Who says that they are a program, or nothing at all, is believed."""
    assert not is_person("GET", {"user-agent": agent})


@pytest.mark.parametrize(
    "header",
    [("purpose", "prefetch"), ("sec-purpose", "prefetch;prerender"), ("x-moz", "prefetch"), ("x-purpose", "preview")],
)
def test_what_is_fetched_ahead_is_no_click(header: tuple[str, str]) -> None:
    """Nobody has clicked yet, and nobody may."""
    assert not is_person("GET", {"user-agent": PHONE, header[0]: header[1]})


def test_a_look_is_no_click() -> None:
    """HEAD asks where a link leads, and a script or an image navigates nowhere."""
    assert not is_person("HEAD", {"user-agent": PHONE})
    assert not is_person("GET", {"user-agent": PHONE, "sec-fetch-mode": "no-cors"})


def test_who_opens_everything_at_once_is_no_person() -> None:
    """Of one recipient a few clicks count within some seconds; others are not affected, and later ones count again."""
    now = 0.0
    pace = Pace(lambda: now)
    assert [pace.allows("a") for _ in range(5)] == [True] * AT_ONCE + [False] * (5 - AT_ONCE)
    assert pace.allows("b")
    now = SECONDS
    assert pace.allows("a")


def test_the_pace_remembers_so_many() -> None:
    """Its memory has an end, and whoever clicked last is remembered."""
    pace = Pace(lambda: 0.0)
    for number in range(MAX_REMEMBERED + 10):
        pace.allows(number)
    assert len(pace._clicks) == MAX_REMEMBERED
    assert [pace.allows(MAX_REMEMBERED + 9) for _ in range(2)] == [True, False]
