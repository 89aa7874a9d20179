"""The section `[mlflow]` of `regulars.toml`."""

from __future__ import annotations

from pydantic import Field

from training.section import Section


class MlflowSettings(Section):
    """Where trainings and searches are logged besides the data folder."""

    tracking_uri: str = ""
    """Address of an MLflow tracking server, such as http://mlflow:5000; empty: nothing is logged. Needs the extra."""
    experiment: str = Field(default="regulars", min_length=1)
    """The experiment that runs are logged under; it is created if there is none."""
