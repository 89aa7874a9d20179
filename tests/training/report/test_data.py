import json

import pytest

from recommender.errors import InvalidInput
from tests import planted
from tests.training.report.report_examples import evaluation_of, report_of
from training.report import ReportData


@pytest.mark.parametrize("measured", [True, False])
def test_a_report_survives_json(measured: bool) -> None:
    """What was written is what is read, with and without an evaluation."""
    log = planted.shop().log
    data = report_of(log, evaluation_of(log) if measured else None)
    assert ReportData.from_dict(json.loads(json.dumps(data.to_dict()))) == data


@pytest.mark.parametrize("content", [{}, {"cleaning": None}, {"cleaning": {"files": []}}])
def test_content_of_something_else_is_refused(content: dict[str, object]) -> None:
    """A file that is no report says what to do."""
    with pytest.raises(InvalidInput, match="not the content of a report"):
        ReportData.from_dict(content)


def test_an_unknown_field_is_refused() -> None:
    """A report of a later version is not half read."""
    content = report_of(planted.shop().log, None).to_dict()
    with pytest.raises(InvalidInput, match="surprise"):
        ReportData.from_dict({**content, "surprise": 1})
