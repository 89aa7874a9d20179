"""What a campaign is: for whom, what they are shown, how often at most, and who is left in peace to compare with.

A definition is written once, as ``campaigns/<name>/campaign.json``, and every send is made by it. The control group
follows from it alone: a hash of salt, campaign and user decides, so who is in it stays in it, and campaigns draw
independently of each other.
"""

from __future__ import annotations

import enum
import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from recommender.errors import InvalidInput
from recommender.experiments.allocation import CONTROL, Experiment
from serving.campaigns.cap import Cap, capped
from serving.campaigns.expression import Condition, parse
from serving.campaigns.files import written_whole
from serving.campaigns.sends import DEFINITION_FILE, checked_name, is_name

MAILED = "mailed"
MAX_CONTROL = 0.9
MAX_TIER = 40
FOREVER_DAYS = 3_650.0

_TIER = re.compile(r"(.+?)\s+if\s+(.+)", re.DOTALL)


class Recipe(enum.StrEnum):
    """What a mail is filled with."""

    MIXED = "mixed"
    """What the shop would show: things to buy again and new ones, as the version ranks them."""
    REPLENISHMENT = "replenishment"
    """What somebody buys again and needs within two weeks, and nothing else."""
    NEW_FOR_YOU = "new-for-you"
    """What somebody has not bought yet."""
    WIN_BACK = "win-back"
    """Old favourites and new things in turn, as long as there are both."""
    BEST_SELLERS = "best-sellers"
    """The same for everybody, less what somebody owns and needs once."""

    @property
    def needs_a_past(self) -> bool:
        """Whether there is nothing to show to somebody whose past may not be used."""
        return self in (Recipe.REPLENISHMENT, Recipe.WIN_BACK)


class Tier(NamedTuple):
    """A name for a coupon, and who gets it."""

    name: str
    condition: str

    @classmethod
    def parse(cls, text: str) -> Tier:
        """Understand ``10% if segment = lost``.

        >>> Tier.parse("10% if segment = lost")
        Tier(name='10%', condition='segment = lost')

        Raises
        ------
        InvalidInput
            If there is no name, no condition, or one that cannot be understood.
        """
        found = _TIER.fullmatch(text.strip())
        if found is None or len(found[1]) > MAX_TIER:
            raise InvalidInput(
                f"{text[:80]!r} is no coupon tier; write a name of up to {MAX_TIER} characters and who gets it, "
                "such as '10% if segment = lost'"
            )
        parse(found[2])
        return cls(found[1], found[2])


def _understood(text: str) -> str:
    if text:
        parse(text)
    return text


def _checked(tier: Tier) -> Tier:
    """Refuse what a file says of a tier and nobody could have said in words."""
    if not tier.name.strip() or len(tier.name) > MAX_TIER:
        raise InvalidInput(f"{tier.name[:80]!r} cannot be the name of a tier; it has 1 to {MAX_TIER} characters")
    parse(tier.condition)
    return tier


class Definition(BaseModel):
    """A campaign."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    name: Annotated[str, AfterValidator(lambda name: checked_name(name, what="campaign"))]
    audience: Annotated[str, AfterValidator(_understood)] = ""
    """A condition (`serving.campaigns.expression`); empty for everybody."""
    recipe: Recipe = Recipe.MIXED
    slots: int = Field(default=4, ge=1, le=20)
    min_picks: int = Field(default=1, ge=1, le=20)
    """Users with fewer picks are left out."""
    control: float = Field(default=0.0, ge=0, le=MAX_CONTROL)
    """Share of those who would get a mail and are left in peace, to compare with."""
    salt: str = ""
    """Another one draws another control group."""
    cap: Annotated[str, AfterValidator(capped)] = ""
    """Mails of all campaigns to one person, such as ``2 in 7 days``; empty for no limit."""
    quiet_after_order_days: float = Field(default=0.0, ge=0, le=FOREVER_DAYS)
    """Days after an order in which a person is left in peace."""
    no_repeat: int = Field(default=0, ge=0, le=50)
    """Picks are not repeated from that many of a person's last sends, nor from what the site showed that day."""
    tiers: tuple[Annotated[Tier, AfterValidator(_checked)], ...] = ()
    """Coupons; the first that fits counts."""

    @model_validator(mode="after")
    def _fits_together(self) -> Definition:
        if self.min_picks > self.slots:
            raise ValueError(f"min_picks is {self.min_picks}, but there are only {self.slots} slots")
        return self

    @property
    def condition(self) -> Condition | None:
        """Whom it is for; None for everybody."""
        return parse(self.audience) if self.audience else None

    @property
    def limit(self) -> Cap | None:
        """The cap; None without one."""
        return Cap.parse(self.cap) if self.cap else None

    @property
    def experiment(self) -> Experiment | None:
        """Who is in the control group; None without one."""
        if not self.control:
            return None
        groups = ((CONTROL, self.control), (MAILED, 1 - self.control))
        return Experiment(f"campaign {self.name}", groups, self.salt)

    @property
    def fingerprint(self) -> str:
        """Eight digits that change with anything that changes who gets what."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:8]

    def save(self, folder: Path) -> Path:
        """Write it below the folder of campaigns, whole or not at all."""
        path = folder / self.name / DEFINITION_FILE
        with written_whole(path) as file:
            file.write(json.dumps(self.model_dump(mode="json"), indent=2, ensure_ascii=False).encode() + b"\n")
        return path


def load_definition(folder: Path, name: str) -> Definition:
    """Read the definition of a campaign.

    Raises
    ------
    InvalidInput
        If there is none of that name, it is another's, or it cannot be understood.
    """
    path = folder / checked_name(name, what="campaign") / DEFINITION_FILE
    try:
        found = Definition.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        known = ", ".join(known_campaigns(folder)) or "none yet"
        raise InvalidInput(f"there is no campaign {name!r} in {folder}; there are: {known}") from None
    except ValidationError as error:
        raise InvalidInput(f"{path}: {_first_problem(error)}") from None
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error}") from None
    if found.name != name:
        raise InvalidInput(f"{path}: name: it is {found.name!r}; a campaign has the name of its folder, {name!r}")
    return found


def defined(**values: object) -> Definition:
    """Return a definition of some values.

    Raises
    ------
    InvalidInput
        If one of them is wrong; the message says which.
    """
    try:
        return Definition.model_validate(values)
    except ValidationError as error:
        raise InvalidInput(_first_problem(error)) from None


def known_campaigns(folder: Path) -> list[str]:
    """Return the names of all campaigns."""
    found = (path.parent.name for path in folder.glob(f"*/{DEFINITION_FILE}"))
    return sorted(name for name in found if is_name(name))


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    where = ".".join(map(str, problem["loc"]))
    said = problem["msg"].removeprefix("Value error, ")
    return f"{where}: {said}" if where else said
