"""The bodies of catalogue and stock updates."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from serving.schemas import MAX_BATCH, Body, Id, Label, Price, WebAddress


class ItemIn(Body):
    """What changes about an item; keys that are left out stay as they are."""

    item_id: Id
    title: Label = ""
    category: Label = ""
    department: Label = ""
    brand: Label = ""
    price: Price | None = Field(default=None, description="In the shop's currency; null: unknown.")
    stock: Annotated[int, Field(ge=0, le=2**53)] | None = Field(default=None, description="Units; null: unlimited.")
    url: WebAddress = ""
    image_url: WebAddress = ""

    def patch(self) -> dict[str, Any]:
        """Return the attributes that were given."""
        return self.model_dump(exclude_unset=True, exclude={"item_id"})


class ItemsRequest(Body):
    """A batch of catalogue and stock updates."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [{"item_id": "milk", "price": 1.29, "stock": 0}]}]}
    )

    items: list[ItemIn] = Field(min_length=1, max_length=MAX_BATCH)


class ItemsResult(BaseModel):
    """What became of a batch of updates."""

    updated: int
    unknown: list[str] = Field(description="Items the model does not know: recommended after the next training.")
    shared: bool = Field(description="false: Redis is away; other processes learn of it when it is back.")
