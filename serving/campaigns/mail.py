"""A mail as HTML and as plain text, from templates that the shop may replace.

Templates are Jinja2 in its sandbox: they see texts and nothing else of the program, and whatever stands in a text is
escaped. What a template says in ``<style>`` is written into the elements (css-inline), since mail programs drop style
sheets; rules in ``@media``, such as those for dark screens, stay behind for those that keep them. Nothing is fetched
while a mail is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import css_inline
from jinja2 import FileSystemLoader, PackageLoader, StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from recommender.errors import ConfigError
from serving.campaigns.letters import Letter
from serving.campaigns.mail_settings import MailSettings

HTML_TEMPLATE = "mail.html.j2"
TEXT_TEMPLATE = "mail.txt.j2"
PREVIEW_TEMPLATE = "preview.html.j2"
LONGEST = 102_400
"""Bytes of HTML beyond which Gmail cuts a mail off and links to the rest."""


@dataclass(frozen=True, slots=True)
class Mail:
    """What is sent to one person."""

    html: str
    """A whole document."""
    text: str
    """The same to read without HTML."""


class Postman:
    """Draws mails by two templates.

    Parameters
    ----------
    html, text
        What is filled in.
    """

    def __init__(self, html: Template, text: Template) -> None:
        self._html = html
        self._text = text
        self._inliner = css_inline.CSSInliner(keep_style_tags=False, keep_at_rules=True, load_remote_stylesheets=False)

    @classmethod
    def of(cls, settings: MailSettings) -> Self:
        """Read the templates that the settings name, or those beside this file.

        Raises
        ------
        ConfigError
            If one cannot be read, or is no template.
        """
        return cls(
            _template(settings.template, HTML_TEMPLATE, "campaign.template", escape=True),
            _template(settings.text_template, TEXT_TEMPLATE, "campaign.text_template", escape=False),
        )

    def draw(self, letter: Letter) -> Mail:
        """Return the mail of a letter.

        Raises
        ------
        ConfigError
            If a template fails.
        """
        try:
            html, text = self._html.render(letter=letter), self._text.render(letter=letter)
        except Exception as error:
            raise ConfigError(
                f"campaign.template: the mail to {letter.user_id!r} cannot be drawn ({type(error).__name__}: {error}); "
                "see docs/mail.md for what a template gets"
            ) from error
        return Mail(self._inliner.inline(html), text.strip() + "\n")


def preview_page(mail: Mail, *, campaign: str, lacks: Sequence[str] = ()) -> str:
    """Return a page that shows a mail as wide as on a phone and on a desk, and its plain text; it names nobody.

    `lacks` names what is shown here, and would not be in the mail that is sent.
    """
    template = _template(None, PREVIEW_TEMPLATE, "campaign.template", escape=True)
    return template.render(mail=mail, campaign=campaign, lacks=lacks)


def _template(file: Path | None, ours: str, key: str, *, escape: bool) -> Template:
    loader = PackageLoader(__package__ or "", "") if file is None else FileSystemLoader(file.parent)
    environment = ImmutableSandboxedEnvironment(
        loader=loader,
        autoescape=escape,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    try:
        return environment.get_template(ours if file is None else file.name)
    except (TemplateError, OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{key}: {file} cannot be used ({type(error).__name__}: {error}); see docs/mail.md for what a template gets"
        ) from error
