"""One connection, told byte by byte what to believe: the order of replies is all that says whose they are."""

import asyncio
import itertools
import socket
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


def proof(sink: Sink) -> bytes:
    """The reply to the PING behind the requests of the last turn."""
    return b"$10\r\n%b\r\n" % sink.writes[-1][-12:-2]


def feed(lane: Wire, stream: bytes, cuts: list[int]) -> None:
    """Let a stream arrive in pieces."""
    turns = itertools.cycle(cuts)
    while stream:
        size = next(turns)
        lane.data_received(stream[:size])
        stream = stream[size:]


async def turn() -> None:
    for _ in range(2):
        await asyncio.sleep(0)


async def test_requests_of_one_turn_leave_in_one_write() -> None:
    """A hundred requests cost one call to the system, and the next turn's another one; a proof follows each."""
    lane, sink = wire()
    first = [lane.ask(b"%d;" % k, 1, number) for k in range(100)]
    assert sink.writes == []
    await turn()
    requests, _, ping = sink.writes[0].partition(b"*2\r\n$4\r\nPING\r\n$10\r\n")
    assert requests == b"".join(b"%d;" % k for k in range(100))
    assert ping[:-2].isdigit()
    replies = b"".join(b":%d\r\n" % k for k in range(100)) + proof(sink)
    later = lane.ask(b"later", 1, number)
    await turn()
    assert sink.writes[1].startswith(b"later*2\r\n")
    lane.data_received(replies + b":100\r\n" + proof(sink))
    assert await asyncio.gather(*first, later) == list(range(101))


@given(
    values=st.lists(st.binary(max_size=60), min_size=1, max_size=12),
    cuts=st.lists(st.integers(min_value=1, max_value=40), min_size=1, max_size=20),
)
def test_slices_change_nothing(values: list[bytes], cuts: list[int]) -> None:
    """Wherever the stream is cut, each request gets its own value, also one full of line ends and type bytes."""

    async def check() -> None:
        lane, sink = wire()
        asked = [lane.ask(b"", 2, both) for _ in values]
        await turn()
        stream = b"".join(b"$%d\r\n%b\r\n:%d\r\n" % (len(value), value, k) for k, value in enumerate(values))
        feed(lane, stream + proof(sink), cuts)
        assert [reply.result() for reply in asked] == [(value, k) for k, value in enumerate(values)]
        assert lane.ended is None
        lane.end("enough")

    asyncio.run(check())


@given(
    sizes=st.lists(st.integers(min_value=0, max_value=30), min_size=2, max_size=8),
    at=st.floats(min_value=0, max_value=1, exclude_max=True),
    lost=st.integers(min_value=0, max_value=40),
    added=st.sampled_from([b"", b":1\r\n", b"$1\r\na\r\n", b"$1\r\na\r\n:1\r\n", b"$-1\r\n", b"\r\n", b"x"]),
)
def test_spoilt_streams_mix_nothing_up(sizes: list[int], at: float, lost: int, added: bytes) -> None:
    """Bytes are lost and added anywhere: a request is answered with its own value, a spoilt one of its own, or not."""

    async def check() -> None:
        lane, sink = wire()
        asked = [[lane.ask(b"", 2, both) for _ in sizes] for _ in range(2)]
        await turn()
        value = [b"%d" % k * size for k, size in enumerate(sizes)]
        stream = b"".join(b"$%d\r\n%b\r\n:%d\r\n" % (len(value[k]), value[k], k) for k in range(len(sizes))) * 2
        stream += proof(sink)
        start = int(at * len(stream))
        lane.data_received(stream[:start] + added + stream[start + lost :])
        lane.end("enough")
        for replies in asked:
            for k, reply in enumerate(replies):
                if reply.exception() is None:
                    assert reply.result()[1] == k

    asyncio.run(check())


async def test_lost_reply_is_noticed_though_all_have_the_same_shape() -> None:
    """Of three replies one does not arrive: nobody is answered, not even who seems to have got the right one."""
    lane, sink = wire()
    asked = [lane.ask(b"", 1, number) for _ in range(3)]
    await turn()
    lane.data_received(b":1\r\n:2\r\n" + proof(sink))
    for reply in asked:
        with pytest.raises(StoreUnavailable):
            await reply


async def test_proof_of_another_turn_is_none() -> None:
    """A connection that repeats itself, or hands out what was said on another one, is not believed."""
    lane, sink = wire()
    first = lane.ask(b"", 1, number)
    await turn()
    replies = b":1\r\n" + proof(sink)
    lane.data_received(replies)
    assert await first == 1
    second = lane.ask(b"", 1, number)
    await turn()
    lane.data_received(replies)
    with pytest.raises(StoreUnavailable, match="out of step"):
        await second


async def test_large_value_in_many_pieces() -> None:
    """Ten megabytes arrive whole."""
    lane, sink = wire()
    value = bytes(range(256)) * 40_000
    asked = lane.ask(b"", 2, both)
    await turn()
    feed(lane, b"$%d\r\n%b\r\n:7\r\n" % (len(value), value) + proof(sink), [65_536])
    assert await asked == (value, 7)


async def test_cancelled_request_keeps_its_place() -> None:
    """Nobody waits for the second reply any more; the third still goes to the third."""
    lane, sink = wire()
    asked = [lane.ask(b"", 1, number) for _ in range(3)]
    asked[1].cancel()
    await turn()
    lane.data_received(b":1\r\n:2\r\n:3\r\n" + proof(sink))
    assert [asked[0].result(), asked[2].result()] == [1, 3]
    assert lane.ended is None


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (b":1\r\n:2\r\n:3\r\n:4\r\n", "out of step"),
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
    await turn()
    lane.data_received(words)
    assert reason in (lane.ended or "")
    assert sink.aborted
    lane.data_received(b":1\r\n:2\r\n:3\r\n" + proof(sink))
    for reply in asked:
        with pytest.raises(StoreUnavailable, match=r"at there"):
            await reply
    with pytest.raises(StoreUnavailable, match="did not answer"):
        lane.ask(b"", 1, number)


async def test_word_that_nobody_asked_for_ends_an_idle_wire() -> None:
    """Nobody waits, and something comes."""
    lane, _ = wire()
    lane.data_received(b"+OK\r\n")
    assert "nobody asked" in (lane.ended or "")


async def test_error_concerns_one_request() -> None:
    """The server refuses one request, and its neighbours are answered."""
    lane, sink = wire()
    asked = [lane.ask(b"", 2, both) for _ in range(3)]
    await turn()
    lane.data_received(b"$1\r\na\r\n:1\r\n-MOVED 7 there:1\r\n:2\r\n$1\r\nc\r\n:3\r\n" + proof(sink))
    assert [asked[0].result(), asked[2].result()] == [(b"a", 1), (b"c", 3)]
    with pytest.raises(Refused, match="MOVED") as refused:
        await asked[1]
    assert refused.value.error == "MOVED 7 there:1"
    assert lane.ended is None


async def test_only_so_many_wait() -> None:
    """One request too many is refused at once; when the others are answered, there is room."""
    lane, sink = wire(max_waiting=3)
    asked = [lane.ask(b"", 1, number) for _ in range(3)]
    with pytest.raises(StoreUnavailable, match="3 requests wait already"):
        lane.ask(b"", 1, number)
    await turn()
    lane.data_received(b":1\r\n:2\r\n:3\r\n" + proof(sink))
    last = lane.ask(b"", 1, number)
    await turn()
    lane.data_received(b":4\r\n" + proof(sink))
    assert await asyncio.gather(*asked, last) == [1, 2, 3, 4]


async def test_oldest_request_decides_about_the_time() -> None:
    """Replies to others do not help a request that waits too long, and all that wait go down with it."""
    lane, sink = wire(timeout_seconds=0.1)
    started = time.perf_counter()
    first = lane.ask(b"", 1, number)
    await asyncio.sleep(0.06)
    lane.data_received(b":1\r\n" + proof(sink))
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
    lane, sink = wire(timeout_seconds=0.02)
    for k in range(5):
        asked = lane.ask(b"", 1, number)
        await turn()
        lane.data_received(b":%d\r\n" % k + proof(sink))
        assert await asked == k
        await asyncio.sleep(0.03)
    assert lane.ended is None


async def test_held_up_loop_is_not_the_servers_fault() -> None:
    """What arrived while the loop was busy with other connections is read before the timeout is judged."""
    loop = asyncio.get_running_loop()
    (ours, theirs), (busy, waker) = socket.socketpair(), socket.socketpair()
    _, lane = await loop.create_connection(lambda: Wire(loop, where="there", timeout_seconds=0.05), sock=ours)
    asked = lane.ask(encode("PING"), 1, number)

    def hold_up() -> None:
        busy.recv(1)
        theirs.sendall(b":1\r\n$10\r\n" + theirs.recv(100)[-12:])
        time.sleep(0.2)

    loop.add_reader(busy, hold_up)
    await turn()
    waker.sendall(b"!")
    assert await asked == 1
    loop.remove_reader(busy)
    lane.end("enough")
    await turn()
    for end in (theirs, busy, waker):
        end.close()


async def test_lost_connection_fails_who_waits() -> None:
    """The other side hangs up: those who wait learn why, and the wire says that it was not our doing."""
    lane, _ = wire()
    asked = lane.ask(b"", 1, number)
    lane.connection_lost(ConnectionResetError("reset by peer"))
    with pytest.raises(StoreUnavailable, match="reset by peer"):
        await asked
    assert lane.hung_up
