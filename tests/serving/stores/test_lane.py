"""The way to Redis under everything that may happen on it, with a real Valkey behind a proxy that spoils things."""

import asyncio
import contextlib
import os
import signal
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from benchmarks.faults import mixups
from benchmarks.faults.proxy import FaultProxy
from benchmarks.faults.road import Faults
from recommender.errors import ConfigError, StoreUnavailable
from recommender.purpose import Purpose
from serving.settings import AppSettings, RedisSettings
from serving.stores import UserRecord, embedded
from serving.stores.breaker import BreakerState
from serving.stores.redis import RedisStores
from tests.planted import HOSTILE_IDS

pytestmark = pytest.mark.anyio

TIMEOUT_MS = 200
BACK_SECONDS = 10.0
"""How long a test waits for the lane to find its server again; a busy machine is slow."""


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with embedded.running(tmp_path_factory.mktemp("data")) as address:
        yield address


@pytest.fixture(params=["unix", "tcp"])
def proxy(url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[FaultProxy]:
    with FaultProxy(url, folder=tmp_path if request.param == "unix" else None) as between:
        yield between


@contextlib.asynccontextmanager
async def connected(url: str, *, timeout_ms: int = TIMEOUT_MS) -> AsyncIterator[RedisStores]:
    stores = RedisStores.connect(url, AppSettings(redis=RedisSettings(timeout_ms=timeout_ms)))
    yield stores
    await stores.close()


@pytest.fixture
async def stores(url: str, proxy: FaultProxy) -> AsyncIterator[RedisStores]:
    """Stores behind the proxy; user `a` has candidates."""
    await filled(url)
    async with connected(proxy.url) as behind:
        assert await read(behind) == UserRecord(candidates=b"A")
        yield behind


def state_of(stores: RedisStores) -> BreakerState:
    """Ask anew: a type checker takes an attribute it has seen for settled."""
    return stores.breaker_state


async def filled(url: str, *users: str) -> None:
    async with connected(url, timeout_ms=10_000) as direct:
        await direct.connection.command("FLUSHALL")
        records = [(user, user.upper().encode()) for user in users or ("a",)]
        await direct.slates.write("v1", Purpose.ALL, records)


def read(stores: RedisStores, user: str = "a") -> Awaitable[UserRecord]:
    return stores.slates.read_user(user, version="v1", purpose=Purpose.ALL)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(BACK_SECONDS):
        while not await holds():
            await asyncio.sleep(0.01)


async def is_back(stores: RedisStores) -> None:
    async def answers() -> bool:
        try:
            return await read(stores) == UserRecord(candidates=b"A")
        except StoreUnavailable:
            return False

    await until(answers)


async def fails_at_once(stores: RedisStores) -> None:
    started = time.perf_counter()
    for _ in range(100):
        with pytest.raises(StoreUnavailable):
            await read(stores)
    assert time.perf_counter() - started < TIMEOUT_MS / 1000


async def test_one_connection_serves_everybody(stores: RedisStores, proxy: FaultProxy) -> None:
    """Five hundred readers at once: one connection, whatever their ids hold, and the answers of redis-py."""
    ids = [*HOSTILE_IDS, "{regulars}", "a\r\nb", "\x00", "", "$5\r\n"]
    await filled(proxy.url, *ids)
    before = proxy.accepted
    for user in ids:
        await stores.slates.remember({user: [b"seen by " + user.encode()]})
    pooled = proxy.accepted - before
    users = ids * 25
    records = await asyncio.gather(*(read(stores, user) for user in users))
    expected = [UserRecord(candidates=user.upper().encode(), fresh=(b"seen by " + user.encode(),)) for user in users]
    assert records == expected
    assert proxy.accepted == before + pooled
    with pytest.raises(UnicodeEncodeError):
        await read(stores, "half a pair \ud800")
    assert await read(stores, "b") == UserRecord()


@pytest.mark.parametrize("faults", [Faults(slice_bytes=1), Faults(slice_bytes=7, latency_seconds=0.01)])
async def test_slices_and_latency_only_cost_time(stores: RedisStores, proxy: FaultProxy, faults: Faults) -> None:
    """Replies in pieces of a byte, or under way for a while, are the same replies."""
    proxy.become(faults)
    for _ in range(5):
        assert await asyncio.gather(*(read(stores) for _ in range(20))) == [UserRecord(candidates=b"A")] * 20


async def test_silent_server_costs_one_timeout(stores: RedisStores, proxy: FaultProxy) -> None:
    """Who waits fails after the timeout, later requests at once; the server is found again when it speaks."""
    proxy.become(Faults(stalled=True))
    started = time.perf_counter()
    waiting = await asyncio.gather(*(read(stores) for _ in range(20)), return_exceptions=True)
    assert [type(answer) for answer in waiting] == [StoreUnavailable] * 20
    assert TIMEOUT_MS / 1000 * 0.9 < time.perf_counter() - started < 5
    await fails_at_once(stores)
    assert state_of(stores) is BreakerState.OPEN
    proxy.become(Faults())
    await is_back(stores)
    assert state_of(stores) is BreakerState.CLOSED


async def test_server_that_is_too_slow_is_left_alone(stores: RedisStores, proxy: FaultProxy) -> None:
    """It answers, but never in time: only the first to wait find that out."""
    proxy.become(Faults(latency_seconds=0.15))
    with pytest.raises(StoreUnavailable, match="no reply within 200 ms"):
        await read(stores)
    started, waited = time.perf_counter(), []
    while time.perf_counter() - started < 1.5:
        before = time.perf_counter()
        with pytest.raises(StoreUnavailable):
            await read(stores)
        waited.append(time.perf_counter() - before)
        await asyncio.sleep(0.01)
    assert max(waited) < 0.1
    proxy.become(Faults())
    await is_back(stores)


@pytest.mark.parametrize("spoil", ["reset", "hang_up"])
async def test_broken_off_reply_fails_and_the_next_is_read(stores: RedisStores, proxy: FaultProxy, spoil: str) -> None:
    """Half of a reply has arrived when the connection ends: its request fails, and half is forgotten."""
    proxy.become(Faults(stalled=True))
    asked = asyncio.ensure_future(read(stores))
    await asyncio.sleep(0.02)
    proxy.say(b"$5\r\nab")
    getattr(proxy, spoil)()
    with pytest.raises(StoreUnavailable, match="connection was lost"):
        await asked
    proxy.become(Faults())
    await is_back(stores)


@pytest.mark.parametrize("garbage", [b"\x00\xff", b":1\r\n", b"$-1\r\n", b"-ERR no\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
async def test_garbage_costs_the_connection(stores: RedisStores, proxy: FaultProxy, garbage: bytes) -> None:
    """What nobody asked for, or is no reply, ends the connection; a new one is opened by itself."""
    before = proxy.accepted
    proxy.say(garbage)

    async def reconnected() -> bool:
        return proxy.accepted > before

    await until(reconnected)
    await is_back(stores)


async def test_absent_server_costs_nothing_and_is_found_by_itself(
    stores: RedisStores, proxy: FaultProxy, caplog: pytest.LogCaptureFixture
) -> None:
    """It goes and comes: requests fail at once meanwhile, and the log says each once."""
    proxy.listen(on=False)
    proxy.reset()

    async def is_away() -> bool:
        with contextlib.suppress(StoreUnavailable):
            await read(stores)
        return any(" is away (" in message for message in caplog.messages)

    await until(is_away)
    assert state_of(stores) is BreakerState.OPEN
    await fails_at_once(stores)
    await asyncio.sleep(0.6)
    proxy.listen()
    await is_back(stores)
    assert state_of(stores) is BreakerState.CLOSED
    said = [record.getMessage() for record in caplog.records if record.name == "serving.stores.presence"]
    assert [" is away (" in message for message in said] == [True, False]
    assert said[1].endswith(" is back")


async def test_server_that_is_absent_at_first(tmp_path: Path, url: str) -> None:
    """Nobody is there on first use; the lane goes on looking."""
    await filled(url)
    with FaultProxy(url, folder=tmp_path) as proxy:
        proxy.listen(on=False)
        async with connected(proxy.url) as stores:
            with pytest.raises(StoreUnavailable):
                await read(stores)
            await fails_at_once(stores)
            proxy.listen()
            await is_back(stores)


async def test_killed_and_frozen_servers_come_back(tmp_path: Path) -> None:
    """SIGKILL under readers, then SIGSTOP for a while: nothing but answers and `StoreUnavailable`."""
    with embedded.running(tmp_path) as url:
        await filled(url)
        async with connected(url) as stores:
            assert await read(stores) == UserRecord(candidates=b"A")
            await asyncio.sleep(1.2)  # an append-only file is synced every second
            for deed in (signal.SIGKILL, signal.SIGSTOP):
                server = int((await stores.connection.command("INFO", "server"))["process_id"])
                os.kill(server, deed)
                answers = await asyncio.gather(*(read(stores) for _ in range(50)), return_exceptions=True)
                assert {type(answer) for answer in answers} <= {StoreUnavailable, UserRecord}
                await asyncio.sleep(0.3)
                if deed is signal.SIGSTOP:
                    await fails_at_once(stores)
                    os.kill(server, signal.SIGCONT)
                await is_back(stores)
                await until(lambda: _pings(stores))


async def _pings(stores: RedisStores) -> bool:
    try:
        await stores.slates.ping()
    except StoreUnavailable:
        return False
    return True


async def test_loading_server_is_away(tmp_path: Path) -> None:
    """A server that still reads its data refuses everything; then it does not."""
    loading = True

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readline():
            name, *words = [(await reader.readline(), await reader.readline())[1] for _ in range(int(head[1:]))]
            if loading:
                writer.write(b"-LOADING Redis is loading the dataset in memory\r\n")
            elif name == b"PING\r\n":
                writer.write(b"$10\r\n" + words[0] if words else b"+PONG\r\n")
            else:
                writer.write({b"GET": b"$1\r\nA\r\n", b"LRANGE": b"*0\r\n", b"SISMEMBER": b":0\r\n"}[name.strip()])
        writer.close()

    server = await asyncio.start_unix_server(serve, tmp_path / "s")
    async with connected(f"unix://{tmp_path}/s") as stores:
        with pytest.raises(StoreUnavailable):
            await read(stores)
        await fails_at_once(stores)
        loading = False
        await is_back(stores)
    server.close()


async def test_cancelled_requests_do_not_shift_replies(stores: RedisStores, proxy: FaultProxy) -> None:
    """Every other request is given up while it is under way."""
    users = [f"u{number}" for number in range(200)]
    await filled(proxy.url, *users)
    proxy.become(Faults(latency_seconds=0.02))
    asked = [asyncio.ensure_future(read(stores, user)) for user in users]
    await asyncio.sleep(0.01)
    for request in asked[::2]:
        request.cancel()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(answer) for answer in answers[::2]] == [asyncio.CancelledError] * 100
    assert answers[1::2] == [UserRecord(candidates=user.upper().encode()) for user in users[1::2]]


async def test_closing_fails_who_waits_and_who_comes_later(stores: RedisStores, proxy: FaultProxy) -> None:
    """Nobody waits for a store that was closed, and nothing is opened again."""
    proxy.become(Faults(stalled=True))
    asked = [asyncio.ensure_future(read(stores)) for _ in range(3)]
    await asyncio.sleep(0.01)
    await stores.close()
    for request in asked:
        with pytest.raises(StoreUnavailable, match="closed"):
            await request
    before = proxy.accepted
    proxy.become(Faults())
    with pytest.raises(StoreUnavailable, match="closed"):
        await read(stores)
    await asyncio.sleep(0.1)
    assert proxy.accepted == before


async def test_nothing_is_opened_before_the_first_read(proxy: FaultProxy) -> None:
    """Stores that are made and closed leave no trace."""
    async with connected(proxy.url) as stores:
        assert state_of(stores) is BreakerState.CLOSED
    assert proxy.accepted == 0


async def test_user_password_and_database_of_the_address(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """They are honoured; a wrong password is an absence, and is not written anywhere."""
    await filled(url)
    at = url.removeprefix("unix://")
    async with connected(url) as root:
        await root.connection.command("ACL", "SETUSER", "shop", "on", ">se:cret/", "~*", "+@all")
    async with connected(f"unix://shop:{quote('se:cret/', safe='')}@{at}?db=3") as other:
        assert await read(other) == UserRecord()
        await other.slates.write("v1", Purpose.ALL, [("a", b"third")])
        assert await read(other) == UserRecord(candidates=b"third")
    async with connected(f"unix://shop:gue55ed@{at}") as stranger:
        with pytest.raises(StoreUnavailable) as refused:
            await read(stranger)

        async def complains() -> bool:
            return "WRONGPASS" in caplog.text

        await until(complains)
    assert "gue55ed" not in caplog.text + str(refused.value)
    async with connected(f"{url}?db=99") as nowhere:
        with pytest.raises(StoreUnavailable):
            await read(nowhere)


async def test_certificate_that_cannot_be_read(tmp_path: Path) -> None:
    """A mistake in the address is a mistake in the configuration."""
    with pytest.raises(ConfigError, match="cannot be used"):
        RedisStores.connect(f"rediss://there?ssl_ca_certs={tmp_path}/none.pem", AppSettings())


async def test_tls(tmp_path: Path, url: str) -> None:
    """A rediss:// address is spoken to in TLS, and a server that is not who it claims to be is not spoken to."""
    await filled(url)
    certificate, key = self_signed(tmp_path, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        replies, server = await asyncio.open_unix_connection(url.removeprefix("unix://"))
        await asyncio.gather(carry(reader, server), carry(replies, writer))

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1000):
                writer.write(data)
        writer.close()

    listening = await asyncio.start_server(forward, "127.0.0.1", 0, ssl=context)
    port = listening.sockets[0].getsockname()[1]
    trusting = f"rediss://localhost:{port}?ssl_ca_certs={certificate}"
    async with connected(trusting, timeout_ms=5000) as stores:
        assert await read(stores) == UserRecord(candidates=b"A")
    for wary in (f"rediss://localhost:{port}", f"rediss://127.0.0.1:{port}?ssl_ca_certs={certificate}"):
        async with connected(wary, timeout_ms=5000) as stores:
            with pytest.raises(StoreUnavailable):
                await read(stores)
    listening.close()


def self_signed(folder: Path, name: str) -> tuple[Path, Path]:
    """Make a certificate for `name` that is its own authority."""
    pytest.importorskip("cryptography")
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    secret.write_bytes(key.private_bytes(*plain))
    return certificate, secret


def test_event_loops_one_after_the_other(url: str) -> None:
    """Each loop gets a connection of its own; what the last one left is not used."""
    stores = RedisStores.connect(url, AppSettings(redis=RedisSettings(timeout_ms=10_000)))

    async def use() -> None:
        await stores.connection.close()
        assert await read(stores) == await read(stores)

    one, other = asyncio.new_event_loop(), asyncio.new_event_loop()
    for loop in (one, other, one):
        loop.run_until_complete(use())
    one.run_until_complete(stores.close())
    for loop in (one, other):
        loop.run_until_complete(asyncio.sleep(0.01))
        loop.close()


@pytest.mark.slow
def test_fifty_thousand_requests_without_a_mix_up() -> None:
    """Through slices, latency, silence, resets, garbage and lost bytes, nobody gets what belongs to another."""
    found = mixups.measure(50_000)
    assert (found.mixed_up, found.garbled) == (0, 0)
    assert found.answered >= 50_000
    assert found.connections > 20
    assert found.unavailable > 0
    assert found.given_up > 0
