"""The page a person reads before publishing: is this model better, for whom, and what was it made of?

`ReportData` is its whole content as plain values, `render` draws it, `write_report` writes page and content,
`write_record` the content alone.
"""

from training.report.data import ReportData
from training.report.facts import ShopFacts
from training.report.freshness import current_page
from training.report.page import render, write_record, write_report

__all__ = ["ReportData", "ShopFacts", "current_page", "render", "write_record", "write_report"]
