"""The options that define a campaign: for whom, with what, how often, and who is left in peace."""

from __future__ import annotations

from typing import Annotated

import typer

Name = Annotated[str, typer.Argument(help="The campaign.")]
NewName = Annotated[str, typer.Argument(help="A short name: a-z, 0-9, _ and -.")]

Audience = Annotated[
    str, typer.Option(metavar="CONDITION", help="Whom it is for, such as 'recency_days > 60 and alive > 0.3'.")
]
SegmentName = Annotated[
    str | None, typer.Option("--segment", "-g", help='Such as "at risk" or champion; "all" for everybody.')
]
DueWithin = Annotated[
    float | None, typer.Option(metavar="DAYS", help="Only who needs something again within so many days.")
]
BoughtIn = Annotated[
    list[str] | None, typer.Option(metavar="CATEGORY", help="Only who bought in it. May be repeated: in any.")
]
Spent = Annotated[str | None, typer.Option(metavar="FROM:TO", help="Only who spent so much; one side may be missing.")]

RecipeName = Annotated[str, typer.Option(help="mixed, replenishment, new-for-you, win-back or best-sellers.")]
Slots = Annotated[int | None, typer.Option(help="Picks per user; campaign.slots without it.")]
Tiers = Annotated[
    list[str] | None, typer.Option(metavar="TIER", help="A coupon: '10% if segment = lost'. The first that fits.")
]
NoRepeat = Annotated[
    int,
    typer.Option(
        metavar="SENDS", help="Repeat no pick of a person's last so many sends, nor of today's pages; 0: repeat."
    ),
]

Control = Annotated[float, typer.Option(help="Share who are left in peace, to compare with.")]
Salt = Annotated[str, typer.Option(help="Another text draws another control group.")]
MailCap = Annotated[
    str | None, typer.Option(help="Mails of all campaigns at most, such as '2 in 7 days'; campaign.cap without it.")
]
QuietDays = Annotated[float, typer.Option(metavar="DAYS", help="Leave people in peace so long after an order.")]

Replace = Annotated[bool, typer.Option("--replace", help="Change the campaign if there is one.")]
