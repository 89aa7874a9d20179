"""The section ``[campaign]`` of `regulars.toml`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from serving.campaigns.cap import capped
from serving.campaigns.mail_settings import MailSettings


class CampaignSettings(MailSettings):
    """What campaigns are made with unless they say otherwise, and who may be written to."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    slots: int = Field(default=4, ge=1, le=20)
    """Picks per user: the columns rec_1_… to rec_N_… of the file."""
    min_picks: int = Field(default=1, ge=1, le=20)
    """Users with fewer picks than this are left out of the file, and listed as such."""
    cap: Annotated[str, AfterValidator(capped)] = ""
    """Mails of all campaigns to one person at most, such as "2 in 7 days"; empty for no limit."""
    consent: Path | None = None
    """CSV of who agreed to mails, with the columns user_id and status; unset, consent is not checked."""

    @model_validator(mode="after")
    def _enough_slots(self) -> Self:
        if self.min_picks > self.slots:
            raise ValueError(f"min_picks is {self.min_picks}, but there are only {self.slots} slots")
        return self
