"""The section ``[campaign]`` of `regulars.toml`."""

from __future__ import annotations

from typing import Self

from pydantic import ConfigDict, Field, model_validator

from serving.campaigns.mail_settings import MailSettings


class CampaignSettings(MailSettings):
    """What goes into a mailing file."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    slots: int = Field(default=4, ge=1, le=20)
    """Picks per user: the columns rec_1_… to rec_N_… of the file."""
    min_picks: int = Field(default=1, ge=1, le=20)
    """Users with fewer picks than this are left out of the file, and listed as such."""
    new_only: bool = False
    """Whether to offer only what the user has not bought before."""

    @model_validator(mode="after")
    def _enough_slots(self) -> Self:
        if self.min_picks > self.slots:
            raise ValueError(f"min_picks is {self.min_picks}, but there are only {self.slots} slots")
        return self
