"""The load generator measures what it says, on a server whose answers are known."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmarks.load import Generator, Plan, generate, get, post, quantile


class SlowShop:
    """An HTTP server that waits a little, then repeats what it was sent; it closes nothing."""

    def __init__(self, *, delay_seconds: float, status: str = "200 OK") -> None:
        self.delay_seconds = delay_seconds
        self.status = status
        self.most_at_once = 0
        self._at_once = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until it ends."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
                body = await reader.readexactly(length) if length else head.split()[1]
                self._at_once += 1
                self.most_at_once = max(self.most_at_once, self._at_once)
                await asyncio.sleep(self.delay_seconds)
                self._at_once -= 1
                writer.write(f"HTTP/1.1 {self.status}\r\nContent-Length: {len(body)}\r\n\r\n".encode())
                await writer.drain()
                writer.write(body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@contextmanager
def serving(shop: SlowShop) -> Iterator[int]:
    """Run the shop in a thread and yield its port."""
    ready, stop, port = threading.Event(), threading.Event(), 0

    async def run() -> None:
        nonlocal port
        async with await asyncio.start_server(shop.serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    ready.wait()
    try:
        yield port
    finally:
        stop.set()
        thread.join()


def test_closed_loop_keeps_every_connection_busy() -> None:
    """With a delay of 20 ms, four connections get about 200 answers per second, none faster than the delay."""
    shop = SlowShop(delay_seconds=0.02)
    with serving(shop) as port:
        report = Generator(Plan(port, (get("/a"), post("/b", b'{"x": 1}')), 0.5, connections=4)).run()
    assert report.failures == 0
    assert 0 < report.answers <= 104
    assert 20 <= report.p50_ms <= report.p99_ms
    assert shop.most_at_once <= 4


def test_open_loop_keeps_its_rate() -> None:
    """Fifty requests per second for half a second are at most 25, however quickly they are answered."""
    with serving(SlowShop(delay_seconds=0.0)) as port:
        report = Generator(Plan(port, (get("/a"),), 0.5, connections=4, rate=50.0)).run()
    assert 20 <= report.answers <= 25
    assert report.failures == 0


def test_open_loop_counts_waiting_for_a_slow_server() -> None:
    """Where one connection cannot keep up, latencies count from when a request was due, and so grow."""
    with serving(SlowShop(delay_seconds=0.05)) as port:
        report = Generator(Plan(port, (get("/a"),), 0.6, connections=1, rate=100.0)).run()
    assert report.p99_ms > 200


@pytest.mark.parametrize(("status", "refused"), [("200 OK", b"degraded"), ("503 Service Unavailable", None)])
def test_bad_answers_are_failures(status: str, refused: bytes | None) -> None:
    """Another status than 200, or an answer with refused bytes, counts as failed and not as an answer."""
    with serving(SlowShop(delay_seconds=0.01, status=status)) as port:
        report = Generator(Plan(port, (get("/degraded"),), 0.1, connections=2, refused=refused)).run()
    assert report.answers == 0
    assert report.failures > 0


def test_load_goes_to_this_machine_only() -> None:
    """An address elsewhere is refused before anything is sent, and so is load without an end."""
    with pytest.raises(ValueError, match="loopback"):
        Generator(Plan(80, (get("/"),), 1.0, host="192.0.2.1"))
    with pytest.raises(ValueError, match="seconds of load"):
        Generator(Plan(80, (get("/"),), 1e9))


def test_plan_survives_the_way_to_the_other_process() -> None:
    """Requests hold any bytes and arrive as they were."""
    plan = Plan(8000, (get("/v1/users/空"), post("/", bytes(range(256)))), 2.5, rate=200.0, refused=b"\xff")
    assert Plan.from_json(plan.to_json()) == plan
    assert json.loads(plan.to_json())["port"] == 8000


def test_generator_runs_in_a_process_of_its_own() -> None:
    """The report comes back from the other process."""
    with serving(SlowShop(delay_seconds=0.001)) as port:
        report = generate(Plan(port, (get("/a"),), 0.2, connections=2))
    assert report.answers > 0
    assert report.rate == pytest.approx(report.answers / report.seconds)


def test_quantile_is_the_nearest_rank() -> None:
    """Half of four values is the second, 99 % of a hundred the 99th, and anything of one value is that value."""
    assert quantile([1.0, 2.0, 3.0, 4.0], 0.5) == 2.0
    assert quantile([float(n) for n in range(1, 101)], 0.99) == 99.0
    assert quantile([7.0], 0.01) == 7.0
