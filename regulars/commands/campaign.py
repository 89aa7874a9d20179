"""`regulars campaign`: create, look at, send and judge campaigns."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Annotated

import typer

from regulars.commands import campaign_options
from regulars.commands.options import DEFAULT_CONFIG, AsJson, ConfigPath, Overrides, configuration, examples
from regulars.commands.traffic import AsPage, Until, WithLog

if TYPE_CHECKING:
    from regulars.config import Config
    from serving.campaigns.definition import Definition

app = typer.Typer(help="Create campaigns, preview and export them, and see what they did.", no_args_is_help=True)

SECONDS_PER_DAY = 86_400
HORIZON_DAYS = 28.0
"""Four whole weeks, since people shop by the week."""


@app.command(
    epilog=examples(
        "regulars campaign create win-back --audience 'segment in (\"at risk\", lapsed) and alive > 0.2' --control 0.1",
        "regulars campaign create refill --due-within 7 --recipe replenishment --no-repeat 0"
        "  [dim]# what runs out again may be mailed again[/dim]",
        "regulars campaign create tea --bought-in Tea --spent 100:500 --recipe new-for-you --cap '2 in 7 days'",
        "regulars campaign create thanks -g champion --tier '5% if monetary > 500'",
    )
)
def create(
    name: campaign_options.NewName,
    *,
    audience: campaign_options.Audience = "",
    segment: campaign_options.SegmentName = None,
    due_within: campaign_options.DueWithin = None,
    bought_in: campaign_options.BoughtIn = None,
    spent: campaign_options.Spent = None,
    recipe: campaign_options.RecipeName = "mixed",
    slots: campaign_options.Slots = None,
    control: campaign_options.Control = 0.0,
    salt: campaign_options.Salt = "",
    cap: campaign_options.MailCap = None,
    quiet_after_order: campaign_options.QuietDays = 0.0,
    no_repeat: campaign_options.NoRepeat = 0,
    tier: campaign_options.Tiers = None,
    replace: campaign_options.Replace = False,
    config: ConfigPath = DEFAULT_CONFIG,
    set_: Overrides = None,
    json: AsJson = False,
) -> None:
    """Define a campaign: for whom, with what, how often, and who is left out to compare with.

    The audience is a condition over segment, recency_days, frequency, monetary,
    gap_days, alive, orders_30, orders_90, value_90, days_to_next_order, due_within
    and bought_category; the other options about people are added to it with and.
    Nothing is sent: see regulars campaign preview and export.
    """
    from regulars import campaigning
    from regulars.audience_options import condition
    from regulars.campaign_view import created_view
    from regulars.progress import TerminalProgress
    from regulars.terminal import say, write

    settings = configuration(config, set_)
    definition = _defined(
        settings,
        name=name,
        audience=condition(audience, segment=segment, due_within=due_within, bought_in=bought_in or (), spent=spent),
        recipe=recipe,
        slots=slots,
        control=control,
        salt=salt,
        cap=cap,
        quiet_after_order_days=quiet_after_order,
        no_repeat=no_repeat,
        tiers=tier or (),
    )
    campaigning.check_free(settings, definition.name, replace=replace)
    size = campaigning.size_of(settings, definition, progress=TerminalProgress())
    campaigning.create(settings, definition, replace=replace)
    if json:
        write(definition.model_dump_json(indent=2))
    else:
        say(created_view(definition, size))


@app.command("list", epilog=examples("regulars campaign list", "regulars campaign list --json"))
def list_campaigns(config: ConfigPath = DEFAULT_CONFIG, set_: Overrides = None, json: AsJson = False) -> None:
    """List the campaigns with what they sent."""
    from regulars.campaign_view import list_view
    from regulars.campaigning import listed
    from regulars.hints import hint
    from regulars.terminal import results, say, write

    found = listed(configuration(config, set_))
    if json:
        from dataclasses import asdict
        from json import dumps

        rows = [
            one.definition.model_dump(mode="json") | {"sends": [asdict(manifest) for manifest in one.sends]}
            for one in found
        ]
        write(dumps(rows, indent=2, ensure_ascii=False))
    elif found:
        results().print(list_view(found))
    else:
        say(f"There is no campaign yet. How to create one: {hint('campaign create')} --help")


@app.command(
    epilog=examples("regulars campaign preview win-back", "regulars campaign preview win-back --user 1003 --page")
)
def preview(
    name: campaign_options.Name,
    *,
    user: Annotated[str | None, typer.Option(help="Whose mail; without it, the first few of the audience.")] = None,
    users: Annotated[int, typer.Option(min=1, max=100, help="How many mails to show.")] = 3,
    page: Annotated[bool, typer.Option("--page", help="Write the first mail as an HTML page.")] = False,
    config: ConfigPath = DEFAULT_CONFIG,
    set_: Overrides = None,
) -> None:
    """Show what a few users would get if the campaign were sent now; nothing is kept.

    Of a user who would get nothing it says why.
    """
    from regulars.campaign_view import preview_view, why_nothing
    from regulars.campaigning import audience_in, campaigns_folder, choice, sample, standing
    from regulars.mail_page import write_preview
    from regulars.progress import TerminalProgress
    from regulars.terminal import plain, results, say
    from regulars.trained import check_user
    from serving.campaigns.definition import load_definition

    settings = configuration(config, set_)
    definition = load_definition(campaigns_folder(settings), name)
    if user is not None:
        check_user(settings, user)
    progress = TerminalProgress()
    with standing(settings, definition, send_id="", progress=progress) as ground:
        audience = audience_in(ground, progress=progress)
        chosen = list(sample(ground, audience, most=users)) if user is None else [choice(ground, audience, user)]
        if user is not None and (nothing := why_nothing(ground, user, chosen[0])):
            results().print(plain(nothing))
        elif page:
            say(f"The mail is in {write_preview(settings, ground, chosen)}")
        else:
            currency, n_audience = settings.app.currency, len(audience)
            results().print(preview_view(ground, chosen, n_audience=n_audience, currency=currency, most=users))


@app.command(
    epilog=examples(
        "regulars campaign export win-back",
        "regulars campaign export win-back --format csv,parquet --layout klaviyo,braze",
        'regulars campaign export --segment "at risk"  [dim]# created if there is none[/dim]',
        "regulars campaign export win-back --send spring-2 --json",
    )
)
def export(
    name: Annotated[str | None, typer.Argument(help="The campaign; with --segment, named after it.")] = None,
    *,
    segment: campaign_options.SegmentName = None,
    send: Annotated[str | None, typer.Option(help="Name of the send; without it, the day, as in 20260301.")] = None,
    format_: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            metavar="FORMAT[,FORMAT…]",
            help="csv, jsonl, parquet or html, or several: csv,parquet. Without it csv,jsonl.",
        ),
    ] = None,
    layout: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TOOL[,TOOL…]",
            help="Also for a mail tool: klaviyo, klaviyo-catalog, braze or mailchimp, or several: klaviyo,braze.",
        ),
    ] = None,
    slots: Annotated[int | None, typer.Option(help="With --segment: picks per user.")] = None,
    config: ConfigPath = DEFAULT_CONFIG,
    set_: Overrides = None,
    json: AsJson = False,
) -> None:
    """Make a send and write its files: who gets what, who is left out and why, and a manifest.

    A send is made once: the second export of the same send writes the same
    picks, in other formats if you like, but for those who unsubscribed, complained,
    opted out or asked to be forgotten since. The picks are those the shop would
    show when the send was made: the same model and rules, stock included. With
    --segment alone a campaign of that segment is created, too, unless there is one.
    An export that fails leaves neither a send nor a campaign that was not there.
    """
    from regulars.campaign_export import send_and_export
    from regulars.campaign_view import sent_view
    from regulars.campaigning import create as created
    from regulars.progress import TerminalProgress
    from regulars.terminal import results, write

    settings = configuration(config, set_)
    definition = _to_export(settings, name, segment, slots)
    formats = [part for given in format_ or ["csv", "jsonl"] for part in given.split(",")]
    layouts = [part for given in layout or [] for part in given.split(",")]
    made, manifest = send_and_export(
        settings, definition, send_id=send, formats=formats, layouts=layouts, progress=TerminalProgress()
    )
    created(settings, definition, if_missing=True)
    if json:
        from dataclasses import asdict
        from json import dumps

        write(dumps(asdict(manifest), indent=2, ensure_ascii=False))
    else:
        results().print(sent_view(made, manifest))


@app.command(
    epilog=examples(
        "regulars campaign report win-back",
        "regulars campaign report win-back --horizon 56 --page  [dim]# with drawings[/dim]",
        "regulars campaign report win-back --json",
    )
)
def report(
    name: campaign_options.Name,
    *,
    until: Until = None,
    horizon: Annotated[float, typer.Option(metavar="DAYS", help="How long to wait for an order.")] = HORIZON_DAYS,
    log: WithLog = True,
    page: AsPage = False,
    config: ConfigPath = DEFAULT_CONFIG,
    set_: Overrides = None,
    json: AsJson = False,
) -> None:
    """Say whether a campaign brought people back: those mailed beside those held back.

    Joins the records of its sends to the orders that came later, from the
    purchase log and the event files. Where there are too few people, or too
    few days have passed, it says so instead of a verdict.
    """
    from regulars.campaign_report import report_of
    from regulars.progress import TerminalProgress
    from regulars.trial_view import show_trial
    from training.pipeline import reports_folder

    settings = configuration(config, set_)
    progress = TerminalProgress()
    last = None if until is None else int(until.replace(tzinfo=UTC).timestamp()) + SECONDS_PER_DAY - 1
    found = report_of(settings, name, horizon_days=horizon, until=last, with_log=log, progress=progress)
    show_trial(found, reports_folder(settings.training), page=page, json=json, progress=progress)


def _to_export(settings: Config, name: str | None, segment: str | None, slots: int | None) -> Definition:
    """Return the campaign of that name, or that of a segment, which need not be there yet."""
    from regulars.audience_options import condition, segment_name
    from regulars.campaigning import campaigns_folder, known_or
    from serving.campaigns.definition import load_definition

    if segment is not None:
        audience = condition("", segment=segment)
        return known_or(
            settings, _defined(settings, name=name or segment_name(segment), audience=audience, slots=slots)
        )
    if name is None:
        raise typer.BadParameter("name the campaign, or give a --segment")
    return load_definition(campaigns_folder(settings), name)


def _defined(settings: Config, *, slots: int | None = None, cap: str | None = None, **values: object) -> Definition:
    """Return a definition of what was said, and of the settings where nothing was."""
    from serving.campaigns.definition import Tier, defined

    usual = settings.app.campaign
    tiers = [Tier.parse(text) for text in values.pop("tiers", ())]  # type: ignore[attr-defined]
    return defined(
        slots=usual.slots if slots is None else slots,
        min_picks=min(usual.min_picks, usual.slots if slots is None else slots),
        cap=usual.cap if cap is None else cap,
        tiers=tiers,
        **values,
    )
