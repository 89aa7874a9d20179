"""A breaker opens after failures in a row, tries again after a pause, and doubles the pause."""

from serving.stores.breaker import Breaker, BreakerState


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def opened(hand: Hand) -> Breaker:
    breaker = Breaker(threshold=2, pause_seconds=1.0, max_pause_seconds=3.0, monotonic=hand)
    for _ in range(2):
        assert breaker.permit()
        breaker.failed()
    return breaker


def test_failures_in_a_row_open_it() -> None:
    """A success in between starts the count again."""
    breaker = Breaker(threshold=2, monotonic=Hand())
    for report in (breaker.failed, breaker.succeeded, breaker.failed):
        assert breaker.permit()
        report()
    assert breaker.permit()
    breaker.failed()
    assert breaker.state is BreakerState.OPEN
    assert not breaker.permit()


def test_one_call_tries_after_the_pause() -> None:
    """Half-open lets one call through; its success closes the breaker."""
    hand = Hand()
    breaker = opened(hand)
    hand.now = 1.0
    assert [breaker.permit(), breaker.permit()] == [True, False]
    breaker.succeeded()
    assert breaker.state is BreakerState.CLOSED
    assert breaker.permit()


def test_a_failed_try_doubles_the_pause_up_to_the_limit() -> None:
    """1, 2, 3, 3 … seconds."""
    hand = Hand()
    breaker = opened(hand)
    for pause in (1.0, 2.0, 3.0, 3.0):
        hand.now += pause - 0.01
        assert not breaker.permit()
        hand.now += 0.02
        assert breaker.permit()
        breaker.failed()


def test_an_abandoned_try_lets_the_next_one_through() -> None:
    """A request that is cancelled while it tries does not leave the breaker half-open for ever."""
    hand = Hand()
    breaker = opened(hand)
    hand.now = 1.0
    assert breaker.permit()
    breaker.abandoned()
    assert breaker.permit()
