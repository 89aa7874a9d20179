"""The embedded Valkey survives what happens around it, or says why not, and throws nothing away."""

from pathlib import Path

from benchmarks.faults import embedded_store


def test_the_embedded_store_loses_nothing(tmp_path: Path) -> None:
    """Programs killed, a stale socket, garbage at the end and in the middle of its file."""
    found = embedded_store.run(tmp_path, embedded_store.Effort(parents=3, tails=8, middles=6))
    timed = {"parent killed: server gone after, longest", "stale socket: up after"}
    assert [row.row for row in found.rows() if not row.holds and row.row not in timed] == []
    assert found.unclear == ()
