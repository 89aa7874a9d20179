"""Many commands to one node: their bytes, their errors, and how they hold back."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis

from recommender.errors import StoreUnavailable
from serving.stores import embedded
from serving.stores.bulk import PROBE_EVERY, Bulk, command, set_many
from serving.stores.pace import MAX_PAUSE_SECONDS, Pace
from serving.stores.version_records import BYTES, RECORDS, _portions
from tests.planted import HOSTILE_IDS


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with embedded.running(tmp_path_factory.mktemp("data")) as address:
        yield address


@pytest.fixture
def bulk(url: str) -> Iterator[Bulk]:
    made = Bulk.to(url, timeout_seconds=10.0, delay_seconds=0.001)
    made.run([command("FLUSHALL")])
    yield made
    made.close()


def test_records_arrive_byte_by_byte(bulk: Bulk, url: str) -> None:
    """Ids with every separator, values with line ends, nothing at all, and more than a command's share."""
    values = [b"", b"\r\n", b"$3\r\nabc\r\n", bytes(range(256)), b"x" * 300_000]
    records = [(f"{user}{at}", value) for user in HOSTILE_IDS for at, value in enumerate(values)]
    bulk.run(set_many(b"p:", some) for some in _portions(records))
    with Redis.from_url(url) as client:
        assert client.dbsize() == len(records)
        assert all(client.get(f"p:{name}") == value for name, value in records)


def test_replies_come_in_order(bulk: Bulk) -> None:
    """One for each command, however many are on the way."""
    assert bulk.run(command("ECHO", number) for number in range(100)) == [str(n).encode() for n in range(100)]
    assert bulk.run([]) == []


def test_the_first_refusal_stops_the_work(bulk: Bulk) -> None:
    """What comes later is not sent, and the next run has a connection whose replies are its own."""
    sent: list[int] = []

    def commands() -> Iterator[bytes]:
        yield command("SET", "a", "text")
        for number in range(100):
            sent.append(number)
            yield command("INCR", "a")

    with pytest.raises(StoreUnavailable, match="not an integer"):
        bulk.run(commands())
    assert len(sent) < 10
    assert bulk.run([command("GET", "a"), command("ECHO", "b")]) == [b"text", b"b"]


def test_a_generator_that_fails_leaves_no_replies_behind(bulk: Bulk) -> None:
    """An error of ours is passed on, and the next run begins anew."""

    def commands() -> Iterator[bytes]:
        yield command("ECHO", "a")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        bulk.run(commands())
    assert bulk.run([command("ECHO", "b")]) == [b"b"]


def test_a_silent_server_is_given_up(tmp_path: Path) -> None:
    """It accepts and never answers; without one, the message names the address."""
    address = str(tmp_path / "s")
    with pytest.raises(StoreUnavailable, match="did not answer"):
        Bulk.to(f"unix://{address}", timeout_seconds=0.05, delay_seconds=1).run([command("PING")])
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(address)
        silent.listen()
        with pytest.raises(StoreUnavailable, match="did not answer"):
            Bulk.to(f"unix://{address}", timeout_seconds=0.05, delay_seconds=1).run([command("PING")])


def test_a_user_who_may_not_ask_for_numbers_may_write(url: str) -> None:
    """A password and restricted rights in the address work; only the quick way to know a dead publisher is lost."""
    with Redis.from_url(url) as client:
        client.execute_command("ACL", "SETUSER", "shop", "on", ">secret", "~*", "+@all", "-client|id")
    restricted = Bulk.to(f"{url}?username=shop&password=secret", timeout_seconds=10.0, delay_seconds=0.001)
    assert restricted.run([command("PING")]) == [b"PONG"]
    assert restricted.client_id == ""
    restricted.close()


def test_writing_pauses_when_others_wait(bulk: Bulk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where each look takes longer than bearable, there is a pause after each; where none does, there is none."""
    pauses: list[float] = []
    monkeypatch.setattr("serving.stores.bulk.time.sleep", pauses.append)
    bulk.connect()
    for bound, expected in ((0.0, 5), (60.0, 0)):
        pauses.clear()
        bulk._pace = Pace([0.0], delay_seconds=bound)
        bulk.run(command("ECHO", "a") for _ in range(5 * PROBE_EVERY))
        assert len(pauses) == expected


@given(st.lists(st.floats(0, 1), max_size=50))
def test_pauses_are_bounded_and_end(waits: list[float]) -> None:
    """However long others waited, no pause is longer than the limit, and calm ends pausing."""
    pace = Pace([0.001], delay_seconds=0.001)
    assert all(0 <= pace.pause_after(seconds) <= MAX_PAUSE_SECONDS for seconds in waits)
    assert [pace.pause_after(0.001) for _ in range(10)][-1] == 0


@given(st.lists(st.integers(0, 2 * BYTES), max_size=200))
def test_portions_are_all_records_in_bounded_parts(sizes: list[int]) -> None:
    """Nothing is lost or repeated; a part is small, or a single record that is large by itself."""
    records = [(str(at), bytes(size)) for at, size in enumerate(sizes)]
    portions = list(_portions(records))
    assert [record for portion in portions for record in portion] == records
    assert all(1 <= len(portion) <= RECORDS for portion in portions)
    assert all(sum(len(value) for _, value in portion) <= BYTES or len(portion) == 1 for portion in portions)
