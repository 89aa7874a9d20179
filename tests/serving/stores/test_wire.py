"""One connection, told byte by byte what to believe: the order of replies is all that says whose they are."""

import asyncio
import socket
import threading
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import StoreUnavailable
from serving.stores.resp import encode
from serving.stores.wire import Refused, Wire

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param}


class Sink(asyncio.Transport):
    """Remembers what was written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))

    def abort(self) -> None:
        self.aborted = True


def wire(*, timeout_seconds: float = 60.0, max_waiting: int = 1000) -> tuple[Wire, Sink]:
    made = Wire(asyncio.get_running_loop(), where="there", timeout_seconds=timeout_seconds, max_waiting=max_waiting)
    sink = Sink()
    made.connection_made(sink)
    return made, sink


def number(replies: list[Any]) -> int | None:
    return replies[0] if type(replies[0]) is int else None


def both(replies: list[Any]) -> tuple[bytes, int] | None:
    value, count = replies
    return (value, count) if type(value) is bytes and type(count) is int else None


async def turn() -> None:
    for _ in range(2):
        await asyncio.sleep(0)


async def test_requests_of_one_turn_leave_in_one_write() -> None:
    """A hundred requests cost one call to the system, and the next turn's another one."""
    lane, sink = wire()
    first = [lane.ask(b"%d;" % k, 1, number) for k in range(100)]
    assert sink.writes == []
    await turn()
    assert sink.writes == [b"".join(b"%d;" % k for k in range(100))]
    later = lane.ask(b"later", 1, number)
    await turn()
    assert sink.writes[1:] == [b"later"]
    lane.data_received(b"".join(b":%d\r\n" % k for k in range(101)))
    assert await asyncio.gather(*first, later) == list(range(101))


@given(
    values=st.lists(st.binary(max_size=60), min_size=1, max_size=12),
    cuts=st.lists(st.integers(min_value=1, max_value=40), min_size=1, max_size=20),
)
def test_slices_change_nothing(values: list[bytes], cuts: list[int]) -> None:
    """Wherever the stream is cut, each request gets its own value, also one full of line ends and type bytes."""

    async def check() -> None:
        lane, _ = wire()
        asked = [lane.ask(b"", 2, both) for _ in values]
        stream = b"".join(b"$%d\r\n%b\r\n:%d\r\n" % (len(value), value, k) for k, value in enumerate(values))
        turns = 0
        while stream:
            size = cuts[turns % len(cuts)]
            lane.data_received(stream[:size])
            stream, turns = stream[size:], turns + 1
        assert [reply.result() for reply in asked] == [(value, k) for k, value in enumerate(values)]
        assert lane.ended is None
        lane.end("enough")

    asyncio.run(check())


async def test_large_value_in_many_pieces() -> None:
    """Ten megabytes arrive whole."""
    lane, _ = wire()
    value = bytes(range(256)) * 40_000
    asked = lane.ask(b"", 2, both)
    stream = b"$%d\r\n%b\r\n:7\r\n" % (len(value), value)
    for start in range(0, len(stream), 65_536):
        lane.data_received(stream[start : start + 65_536])
    assert await asked == (value, 7)


async def test_cancelled_request_keeps_its_place() -> None:
    """Nobody waits for the second reply any more; the third still goes to the third."""
    lane, _ = wire()
    asked = [lane.ask(b"", 1, number) for _ in range(3)]
    asked[1].cancel()
    lane.data_received(b":1\r\n:2\r\n:3\r\n")
    assert [asked[0].result(), asked[2].result()] == [1, 3]
    assert lane.ended is None


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (b":1\r\n:2\r\n:3\r\n:4\r\n", "nobody asked"),
        (b">2\r\n+invalidate\r\n*0\r\n", "another shape"),
        (b"$1\r\na\r\n", "another shape"),
        (b"\x00\xffgarbage", "does not speak RESP"),
        (b"HTTP/1.1 400 Bad Request\r\n", "does not speak RESP"),
        (b"*4000000000\r\n", "does not speak RESP"),
        (b"-LOADING Redis is loading the dataset in memory\r\n", "LOADING"),
    ],
)
async def test_doubt_ends_the_wire(words: bytes, reason: str) -> None:
    """What nobody asked for, has another shape or is no reply at all: everybody who still waits fails, for good."""
    lane, sink = wire()
    asked = [lane.ask(b"", 1, number) for _ in range(3)]
    lane.data_received(words)
    assert reason in (lane.ended or "")
    assert sink.aborted
    lane.data_received(b":1\r\n:2\r\n:3\r\n")
    for reply in asked:
        if b":1" not in words:
            with pytest.raises(StoreUnavailable, match=r"at there"):
                await reply
    with pytest.raises(StoreUnavailable, match="did not answer"):
        lane.ask(b"", 1, number)


async def test_shifted_value_is_not_believed() -> None:
    """A value that lost or gained bytes on its way does not come out: the number after it is not in its place."""
    for spoilt in (b"$5\r\nab\r\n:1\r\n$5\r\nabcde\r\n:1\r\n", b"$5\r\nabXcde\r\n:1\r\n$5\r\nabcde\r\n:1\r\n"):
        lane, _ = wire()
        asked = [lane.ask(b"", 2, both) for _ in range(2)]
        lane.data_received(spoilt)
        assert lane.ended is not None
        for reply in asked:
            with pytest.raises(StoreUnavailable):
                await reply


async def test_error_concerns_one_request() -> None:
    """The server refuses one request, and its neighbours are answered."""
    lane, _ = wire()
    asked = [lane.ask(b"", 2, both) for _ in range(3)]
    lane.data_received(b"$1\r\na\r\n:1\r\n-MOVED 7 there:1\r\n:2\r\n$1\r\nc\r\n:3\r\n")
    assert [asked[0].result(), asked[2].result()] == [(b"a", 1), (b"c", 3)]
    with pytest.raises(Refused, match="MOVED") as refused:
        await asked[1]
    assert refused.value.error == "MOVED 7 there:1"
    assert lane.ended is None


async def test_only_so_many_wait() -> None:
    """One request too many is refused at once; as soon as one is answered, there is room."""
    lane, _ = wire(max_waiting=2)
    asked = [lane.ask(b"", 1, number) for _ in range(2)]
    with pytest.raises(StoreUnavailable, match="2 requests wait already"):
        lane.ask(b"", 1, number)
    lane.data_received(b":1\r\n")
    last = lane.ask(b"", 1, number)
    lane.data_received(b":2\r\n:3\r\n")
    assert await asyncio.gather(*asked, last) == [1, 2, 3]


async def test_oldest_request_decides_about_the_time() -> None:
    """Replies to others do not help a request that waits too long, and all that wait go down with it."""
    lane, _ = wire(timeout_seconds=0.1)
    started = time.perf_counter()
    first = lane.ask(b"", 1, number)
    await asyncio.sleep(0.06)
    lane.data_received(b":1\r\n")
    second = lane.ask(b"", 1, number)
    await asyncio.sleep(0.06)
    third = lane.ask(b"", 1, number)
    assert await first == 1
    for reply in (second, third):
        with pytest.raises(StoreUnavailable, match="no reply within 100 ms"):
            await reply
    assert 0.15 < time.perf_counter() - started < 5


async def test_answered_wire_outlives_its_timeout() -> None:
    """The watch ends with the last reply, and comes back with the next request."""
    lane, _ = wire(timeout_seconds=0.02)
    for k in range(5):
        asked = lane.ask(b"", 1, number)
        await turn()
        lane.data_received(b":%d\r\n" % k)
        assert await asked == k
        await asyncio.sleep(0.03)
    assert lane.ended is None


async def test_held_up_loop_is_not_the_servers_fault() -> None:
    """What arrived while the loop was busy is read before the timeout is judged."""
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()

    def answer() -> None:
        theirs.recv(100)
        theirs.sendall(b":1\r\n")

    server = threading.Thread(target=answer)
    server.start()
    _, lane = await loop.create_connection(lambda: Wire(loop, where="there", timeout_seconds=0.05), sock=ours)
    asked = lane.ask(encode("PING"), 1, number)
    await turn()
    time.sleep(0.2)
    assert await asked == 1
    lane.end("enough")
    await turn()
    server.join()
    theirs.close()


async def test_lost_connection_fails_who_waits() -> None:
    """The other side hangs up: those who wait learn why, and the wire says that it was not our doing."""
    lane, _ = wire()
    asked = lane.ask(b"", 1, number)
    lane.connection_lost(ConnectionResetError("reset by peer"))
    with pytest.raises(StoreUnavailable, match="reset by peer"):
        await asked
    assert lane.hung_up
