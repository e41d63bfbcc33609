"""Places of which there are a few."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from paper_repo.storage.slots import Hold, Slots

PATIENCE = 30


def test_a_place_has_one_holder() -> None:
    """Who comes second gets none, and takes away none."""
    slots, first, second = Slots(1), Hold(), Hold()

    assert slots.take(first, 0)
    assert not slots.take(second, 0)
    slots.give_back(second)

    assert slots.has(first)
    assert not slots.has(second)


def test_who_waits_gets_the_place_that_is_given_back() -> None:
    """By whichever thread it is given back."""
    slots, first = Slots(1), Hold()
    slots.take(first, 0)
    taken: list[bool] = []
    waiting = threading.Thread(target=lambda: taken.append(slots.take(Hold(), PATIENCE)))
    waiting.start()

    slots.give_back(first)
    waiting.join()

    assert taken == [True]


@pytest.mark.parametrize("count", [1, 3])
def test_many_threads_share_the_places(count: int) -> None:
    """No more than `count` are inside at any time, and everybody's turn comes."""
    slots = Slots(count)
    inside: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        for _ in range(200):
            hold = Hold()
            assert slots.take(hold, PATIENCE)
            inside.append(number)
            most.append(len(inside))
            inside.remove(number)
            slots.give_back(hold)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(most) == 8 * 200
    assert max(most) <= count
    assert slots.wait_until_free(0)


def test_a_place_outlives_its_thread() -> None:
    """A place belongs to its hold, and not to the thread that took it."""
    slots, hold = Slots(1), Hold()
    thread = threading.Thread(target=slots.take, args=(hold, 0))
    thread.start()
    thread.join()

    assert slots.has(hold)
    slots.give_back(hold)
    assert slots.take(Hold(), 0)


def test_who_was_not_told_looks_again() -> None:
    """Whoever gives a place back may be interrupted before it tells; nobody waits for that."""
    slots, held, waiting = Slots(1), Hold(), Hold()
    assert slots.take(held, 0)
    with ThreadPoolExecutor(1) as thread:
        taking = thread.submit(slots.take, waiting, 5)
        while not slots._waiters._waiting:
            time.sleep(0)
        del slots._holds[held.place]  # the first step of giving it back

        assert taking.result()
