"""The sections of `regulars.toml` that training reads, typed and validated.

`regulars/config.py` reads the file, the environment and the command line, and hands over one
`TrainingSettings`. Nothing in this package reads a file name, a number or a switch from anywhere else.
The docstring under a field is its description: the settings page of the docs is made from them.
"""

from __future__ import annotations

import codecs
import datetime as dt
import zoneinfo
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from recommender.events import POSITIVE, Event
from training.gate_settings import GateSettings
from training.mlflow_settings import MlflowSettings
from training.section import Section


def _one_or_many(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _existing_zone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{value!r} is no time zone; write one such as 'Europe/Berlin' or 'UTC'") from None
    return value


def _text_encoding(value: str) -> str:
    try:
        is_text = codecs.lookup(value).name not in _NO_CHARACTER_SETS
        b"a".decode(value)
    except UnicodeDecodeError:  # half a character of UTF-16
        is_text = True
    except (LookupError, ValueError):
        is_text = False
    if not is_text:
        raise ValueError("it is unknown as an encoding of text; write one such as 'utf-8' or 'cp1252'")
    return value


def _one_ascii_character(value: str) -> str:
    if not value.isascii() or value in '"\r\n\0':
        raise ValueError("it must be one ASCII character, such as ';' or a tab, and no quote or line end")
    return value


def _moderate(value: float) -> float:
    if not value <= MAX_WEIGHT:
        raise ValueError(f"it must be a number of at most {MAX_WEIGHT:,.0f}")
    return value


MAX_WEIGHT = 1e6
"""A purchase that counts a million times nothing is no preference; far beyond, float32 overflows."""
_NO_CHARACTER_SETS = frozenset({"punycode", "idna", "undefined", "unicode_escape", "raw_unicode_escape"})
"""Codecs that Python calls encodings of text, and no file is written in."""

Encoding = Annotated[str, AfterValidator(_text_encoding)]
Separator = Annotated[str, AfterValidator(_one_ascii_character)]
Weight = Annotated[float, AfterValidator(_moderate)]

Paths = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_one_or_many)]
"""One path or several; each may be a glob, or `package://name/inside/the/package.parquet`."""
TimeZone = Annotated[str, AfterValidator(_existing_zone)]


class ShopSettings(Section):
    """Who the shop is."""

    name: str = "My shop"
    """The name shown on the demo shop page and in the report."""
    currency: str = Field(default="USD", pattern="^[A-Z]{3}$")
    """ISO 4217 code of every price and amount, such as EUR."""


class DataSettings(Section):
    """Where things are kept."""

    dir: Path = Path("data")
    """Folder of artifacts, reports, quarantine, events and campaigns; relative to the configuration file."""


class PurchaseColumns(Section):
    """Which column of the purchase log means what."""

    user: str = "user_id"
    """Who bought; empty for a guest."""
    item: str = "item_id"
    """What was bought."""
    time: str = "time"
    """When; a time stamp, a date, or seconds since 1970."""
    order: str | None = None
    """Which order the line belongs to; without it, one user's lines of one day form a basket."""
    quantity: str | None = None
    """How many units; 1 without it. Below zero: a return."""
    amount: str | None = None
    """Money for the whole line; price × quantity without it."""
    price: str | None = None
    """Money for one unit."""
    event: str | None = None
    """What happened (purchase, return, click, add_to_cart …); purchase without it."""

    def mapped(self) -> dict[str, str]:
        """Return the columns in use, by what they mean."""
        return {name: column for name, column in self.model_dump().items() if column is not None}


class FileFormat(Section):
    """How text files are to be read; Parquet files say so themselves."""

    encoding: Encoding = "utf-8"
    """Encoding of CSV files, such as 'latin-1' or 'cp1252'."""
    separator: Separator = Field(default=",", min_length=1, max_length=1)
    """Character between the fields of CSV files."""
    decimal_comma: bool = False
    """Whether CSV files write 1,50 for one and a half."""


class PurchaseSettings(FileFormat):
    """The purchase log."""

    paths: Paths = ()
    """Parquet, CSV or JSONL files: paths, globs, or package://package/path; relative to this file."""
    time_zone: TimeZone = "UTC"
    """Time zone of time stamps that do not name one."""
    time_format: str | None = Field(default=None, min_length=1)
    """strptime format of the time column, such as '%d.%m.%Y %H:%M'; ISO dates need none."""
    columns: PurchaseColumns = PurchaseColumns()
    """Which column means what; see the table of columns."""


class ItemSettings(FileFormat):
    """The catalogue: for each field a column, or a template of columns such as "{brand} {type:title}"."""

    paths: Paths = ()
    """Catalogue files; without any, items are known by their id alone."""
    id: str = "item_id"
    """Column with the item id."""
    title: str = ""
    """Column or template of the title."""
    category: str = ""
    """Column or template of the category: the shelf an item stands on."""
    department: str = ""
    """Column or template of the level above category."""
    brand: str = ""
    """Column or template of the brand."""
    price: str = ""
    """Column with the price; without it, the median unit price of late purchases."""
    url: str = ""
    """Column or template of the product page's address."""
    image_url: str = ""
    """Column or template of the picture's address; without it, one is drawn."""
    include_unsold: bool = True
    """Whether items of the catalogue that nobody has bought yet may be recommended: new arrivals."""
    exclude: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Items never to learn from or recommend: a field or column, and the values to leave out."""


class CleaningSettings(Section):
    """What counts as an honest line of the log."""

    earliest: dt.date = dt.date(1990, 1, 1)
    """Rows before this day are quarantined; placeholders such as 1900-01-01 are."""
    latest: dt.date | None = None
    """Rows after this day are quarantined; without it, rows a year beyond all others are."""
    max_quantity: float = Field(default=1000.0, gt=0)
    """Lines of more units than this are quarantined."""
    max_orders_per_day: int = Field(default=24, ge=1)
    """Of one user's orders on one day, those after this many are left out (robots, resale)."""
    max_rows_per_user: int = Field(default=50_000, ge=1)
    """Of one user's rows, only this many of the latest are kept (robots, wholesalers)."""
    keep_free_lines: bool = False
    """Whether purchases without any amount count: coupons, vouchers and samples mostly."""

    @model_validator(mode="after")
    def _days_in_order(self) -> Self:
        if self.latest is not None and self.latest < self.earliest:
            raise ValueError(f"latest is {self.latest}, which is before earliest, {self.earliest}")
        return self


class ConfidenceSettings(Section):
    """How sure a row makes us: c = 1 + alpha · weight of the event · log2(1 + quantity) · recency decay."""

    alpha: Weight = Field(default=3.5, gt=0)
    """How much more an observed pair weighs than an unobserved one."""
    half_life_days: float = Field(default=30.0, gt=0)
    """Days after which a row counts half."""
    event_weights: dict[str, Weight] = Field(
        default_factory=lambda: {"purchase": 1.0, "add_to_cart": 0.3, "click": 0.1}
    )
    """Weight of each event; events not named here do not enter the factors."""

    @model_validator(mode="after")
    def _known_events(self) -> Self:
        for label, weight in self.event_weights.items():
            if Event.parse(label) not in POSITIVE:
                raise ValueError(f"event_weights.{label}: only purchase, add_to_cart and click have a weight")
            if weight < 0:
                raise ValueError(f"event_weights.{label} is {weight}; it must be at least 0")
        return self

    def weights(self) -> dict[Event, float]:
        """Return the weights by event."""
        return {Event.parse(label): weight for label, weight in self.event_weights.items()}


class AlsSettings(Section):
    """The matrix factorisation (Hu, Koren & Volinsky 2008)."""

    backend: Literal["implicit", "numba", "spark"] = "implicit"
    """What fits the factors; Numba needs the extra `fast`, Spark the extra `spark` and Java 17 or newer."""
    factors: int = Field(default=64, ge=1, le=2048)
    """Length of the vector of each user and item."""
    regularization: float = Field(default=50.0, gt=0)
    """Pull of all vectors towards zero (λ)."""
    frequency_scaling: float = Field(default=0.0, ge=0, le=2)
    """How much harder rows with many entries are pulled (ν); 0 for all alike, above 0 only with backend numba."""
    iterations: int = Field(default=15, ge=1)
    """Passes over users and items."""
    seed: int = Field(default=42, ge=0, lt=2**32)
    """Seed of everything random in training."""
    spark_master: str | None = Field(default=None, pattern=r"^(local(\[.+\])?|yarn|(spark|k8s)://.+)$")
    """Address of a Spark cluster, such as spark://host:7077; without it, Spark runs here on all cores."""
    spark_memory: str = Field(default="4g", pattern="^[1-9][0-9]*[kmgt]$")
    """Memory of the Spark driver, such as 512m or 4g."""
    spark_folder: Path | None = None
    """Absolute path of a folder that all machines of the cluster share; without one, the temporary folder."""

    @model_validator(mode="after")
    def _scaling_is_possible(self) -> Self:
        if self.frequency_scaling and self.backend != "numba":
            raise ValueError(
                f"frequency_scaling is {self.frequency_scaling}, which the backend {self.backend!r} cannot do: "
                "set als.backend to 'numba', or als.frequency_scaling to 0"
            )
        return self


class NeighbourSettings(Section):
    """Items that go together: in the baskets of one order, and among what one user bought."""

    k: int = Field(default=50, ge=1)
    """How many neighbours of each item are kept."""
    shrinkage: float = Field(default=5.0, ge=0)
    """How strongly pairs seen only a few times are discounted."""
    max_basket: int = Field(default=200, ge=2)
    """Orders of more distinct items say nothing about pairs."""
    max_items_per_user: int = Field(default=2000, ge=2)
    """Users with more distinct items say nothing about pairs."""


class SimilarSettings(Section):
    """What popularity and size take away from a pair of items that one user bought; the defaults are the cosine."""

    anchor_power: float = Field(default=0.5, ge=0, le=2)
    """Power of the buyers of the item whose neighbours are sought."""
    neighbour_power: float = Field(default=0.5, ge=0, le=2)
    """Power of the buyers of the neighbour; smaller lets popular ones lead."""
    user_power: float = Field(default=0.0, ge=0, le=2)
    """Power of the number of items a user bought; larger lets users of few items say more."""


class PeerSettings(Section):
    """People with a similar past, whose purchases are recommended."""

    k: int = Field(default=0, ge=0)
    """How many of the most alike are asked; 0 turns this off."""
    rarity_power: float = Field(default=0.5, ge=0, le=2)
    """Power of an item's buyers; larger lets a rare item that two share say more."""
    user_power: float = Field(default=0.5, ge=0, le=2)
    """Power of the number of items a user bought; larger lets users of few items say more."""
    popularity_power: float = Field(default=0.0, ge=0, le=2)
    """Power of an item's buyers; larger holds popular items back in what is recommended."""


class BlendSettings(Section):
    """How the rankers are mixed; the weights are learned."""

    learn: bool = True
    """Learn the weights on the validation window; otherwise use the built-in ones."""
    window_days: int = Field(default=30, ge=1)
    """Length of the validation window, which ends where the test begins."""


class SlateSettings(Section):
    """How varied what is shown should be."""

    diversity: float = Field(default=0.2, ge=0, le=1)
    """Accuracy against variety on home, cart and email shelves: 0 follows the scores alone, 1 variety alone."""
    category_cap: int = Field(default=4, ge=0)
    """Items of one category on a shelf before the surplus goes to its end; 0 for no limit."""
    one_per_title: bool = True
    """Whether items of one title and category count as one: the others go to the end of the shelf."""


class EvaluationSettings(Section):
    """The one look at the future, before a model is trusted."""

    cut: dt.date | None = None
    """First day of the test window; without it, the last test_days of the log are the test."""
    test_days: int = Field(default=30, ge=1)
    """Length of the test window where no cut is given."""
    k: int = Field(default=10, ge=1, le=100)
    """Length of the lists that are measured."""
    bootstrap: int = Field(default=1000, ge=1)
    """Resamples of users behind each 95 % interval."""


class AttributionSettings(Section):
    """How long a shelf may claim what was bought; for `regulars traffic` and `regulars experiments`."""

    click_days: float = Field(default=7.0, ge=0, le=365, allow_inf_nan=False)
    """Days after a click on a shelf during which a purchase of that item counts as its."""
    view_days: float = Field(default=1.0, ge=0, le=365, allow_inf_nan=False)
    """The same for items that were shown and not clicked; 0 for clicks alone."""


class TrainingSettings(Section):
    """Everything `training.pipeline.train` depends on besides the files it names."""

    folder: Path = Path()
    """Where relative paths begin: the folder of the configuration file."""
    shop: ShopSettings = ShopSettings()
    """Who the shop is."""
    data: DataSettings = DataSettings()
    """Where things are kept."""
    purchases: PurchaseSettings = PurchaseSettings()
    """The purchase log."""
    items: ItemSettings = ItemSettings()
    """The catalogue."""
    cleaning: CleaningSettings = CleaningSettings()
    """What counts as an honest line."""
    confidence: ConfidenceSettings = ConfidenceSettings()
    """How sure a row makes us."""
    als: AlsSettings = AlsSettings()
    """The matrix factorisation."""
    neighbours: NeighbourSettings = NeighbourSettings()
    """Items that go together."""
    similar: SimilarSettings = SimilarSettings()
    """What counts against a pair of items that one user bought."""
    peers: PeerSettings = PeerSettings()
    """People with a similar past."""
    blend: BlendSettings = BlendSettings()
    """How the rankers are mixed."""
    slates: SlateSettings = SlateSettings()
    """How varied what is shown should be."""
    evaluation: EvaluationSettings = EvaluationSettings()
    """The one look at the future."""
    gate: GateSettings = GateSettings()
    """What a version must show to be published."""
    mlflow: MlflowSettings = MlflowSettings()
    """Where trainings and searches are logged besides the data folder."""

    @property
    def data_dir(self) -> Path:
        """The data folder, as a path that works from here."""
        return self.folder / self.data.dir

    attribution: AttributionSettings = AttributionSettings()
    """How long a shelf may claim what was bought."""

    def parameters(self) -> dict[str, Any]:
        """Return what shapes the model, as plain JSON values: no folders, no files, no rules of
        publishing.
        """
        return self.model_dump(mode="json", exclude=_NOT_SHAPING)


_NOT_SHAPING: Any = {
    "attribution": True,
    "folder": True,
    "data": True,
    "gate": True,
    "mlflow": True,
    "shop": True,
    "purchases": {"paths"},
    "items": {"paths"},
}
