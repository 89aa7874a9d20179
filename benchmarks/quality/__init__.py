"""How good the rankings are on public data, beside published figures: see docs/quality.md."""
