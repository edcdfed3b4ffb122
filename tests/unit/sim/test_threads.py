"""Blocking programs in virtual time: sleep, locks, threads, queues, executors; order, deadlocks, ends."""

import queue
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from netarium.sim import Deadlock, OutOfTime, World

_REAL_SLEEP, _REAL_LOCK = time.sleep, threading.Lock


def test_sleep_takes_virtual_time_only() -> None:
    world = World(epoch=1_000_000)
    before = time.perf_counter()

    def main() -> tuple[float, float]:
        time.sleep(3600)
        return time.monotonic(), time.time()

    assert world.run(main) == (3600.0, 1_003_600.0)
    assert world.now == 3600 * 10**9
    assert time.perf_counter() - before < 5


def test_nothing_stays_patched() -> None:
    World().run(lambda: None)
    assert time.sleep is _REAL_SLEEP
    assert threading.Lock is _REAL_LOCK


def test_threads_take_turns_by_their_wake_up_times() -> None:
    log: list[tuple[str, float]] = []

    def worker(name: str, pause: float) -> None:
        for _ in range(3):
            time.sleep(pause)
            log.append((name, time.monotonic()))

    def main() -> None:
        threads = [threading.Thread(target=worker, args=args) for args in (("a", 2.0), ("b", 3.0))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
            assert not thread.is_alive()

    World().run(main)
    # At 6 s a is first: its timer was set at 4 s, but b's already at 3 s.
    assert log == [("a", 2.0), ("b", 3.0), ("a", 4.0), ("b", 6.0), ("a", 6.0), ("b", 9.0)]


def test_join_with_a_timeout() -> None:
    def main() -> tuple[bool, float, bool]:
        thread = threading.Thread(target=time.sleep, args=(10,))
        thread.start()
        thread.join(4)
        alive, at = thread.is_alive(), time.monotonic()
        thread.join()
        return alive, at, thread.is_alive()

    assert World().run(main) == (True, 4.0, False)


def test_queue_and_event_and_condition() -> None:
    def main() -> list[object]:
        jobs: queue.Queue[int] = queue.Queue(maxsize=1)
        done = threading.Event()
        seen: list[object] = []

        def consumer() -> None:
            for _ in range(3):
                time.sleep(1)
                seen.append((jobs.get(), time.monotonic()))
            done.set()

        threading.Thread(target=consumer).start()
        for number in range(3):
            jobs.put(number)
        seen.append(done.wait(0.5))
        seen.append(done.wait())
        with pytest.raises(queue.Empty):
            jobs.get(timeout=2)
        seen.append(time.monotonic())
        return seen

    assert World().run(main) == [(0, 1.0), (1, 2.0), False, (2, 3.0), True, 5.0]


def test_a_queue_made_outside_of_the_world_works_inside() -> None:
    jobs: queue.Queue[str] = queue.Queue()
    world = World()
    (host,) = world.hosts("h")
    host.run(lambda: (time.sleep(2), jobs.put("late")), name="producer")
    assert world.run(lambda: (jobs.get(), time.monotonic())) == ("late", 2.0)


def test_timed_lock() -> None:
    def main() -> tuple[bool, float]:
        lock = threading.Lock()
        lock.acquire()
        got = lock.acquire(timeout=1.5)
        lock.release()
        assert lock.acquire(blocking=False)
        return got, time.monotonic()

    assert World().run(main) == (False, 1.5)


def test_rlock_is_reentrant_and_exclusive() -> None:
    def main() -> list[str]:
        lock, log = threading.RLock(), []

        def other() -> None:
            with lock:
                log.append("other")

        with lock, lock:
            thread = threading.Thread(target=other)
            thread.start()
            time.sleep(1)
            log.append("main")
        thread.join()
        return log

    assert World().run(main) == ["main", "other"]


def test_executor_runs_jobs_side_by_side() -> None:
    def job(seconds: float) -> float:
        time.sleep(seconds)
        return seconds

    def main() -> tuple[list[float], float]:
        with ThreadPoolExecutor(max_workers=3) as pool:
            results = list(pool.map(job, [3.0, 1.0, 2.0, 1.0]))
        return results, time.monotonic()

    assert World().run(main) == ([3.0, 1.0, 2.0, 1.0], 3.0)


def test_timer() -> None:
    def main() -> float:
        rang: queue.SimpleQueue[float] = queue.SimpleQueue()
        threading.Timer(7, lambda: rang.put(time.monotonic())).start()
        return rang.get()

    assert World().run(main) == 7.0


def test_busy_waiting_for_the_clock_ends() -> None:
    def main() -> float:
        until = time.monotonic() + 0.001
        while time.monotonic() < until:
            time.sleep(0)
        return time.monotonic()

    assert World().run(main) >= 0.001


def test_deadlock_tells_who_waits_for_what() -> None:
    world = World()
    (host,) = world.hosts("h")
    host.run(lambda: threading.Event().wait(), name="sleeper")
    with pytest.raises(Deadlock) as caught:
        world.run(lambda: threading.Lock().acquire() and threading.Event().wait())
    assert "main program: waits for a lock" in str(caught.value)
    assert "sleeper (pid" in str(caught.value)


def test_out_of_time() -> None:
    world = World()

    def poll() -> None:
        while True:
            time.sleep(0.5)

    with pytest.raises(OutOfTime, match="main program: waits for the end of sleep"):
        world.run(poll, timeout="10s")
    assert world.now == 10 * 10**9


def test_a_fault_of_the_main_program_comes_out() -> None:
    with pytest.raises(ZeroDivisionError):
        World().run(lambda: 1 // 0)


def test_a_fault_of_a_process_comes_out_at_the_end() -> None:
    world = World()
    (host,) = world.hosts("h")
    host.run(lambda: 1 // 0, name="crasher")
    with pytest.raises(ZeroDivisionError) as caught:
        world.run(lambda: time.sleep(1))
    assert any("crasher" in note for note in caught.value.__notes__)


def test_a_fault_that_somebody_was_told_about_is_over() -> None:
    world = World()
    (host,) = world.hosts("h")
    process = host.run(lambda: 1 // 0, name="crasher")

    def main() -> None:
        with pytest.raises(ZeroDivisionError):
            process.join()

    world.run(main)


def test_a_failing_main_program_tells_of_the_process_that_failed_before() -> None:
    world = World()
    (host,) = world.hosts("h")
    host.run(lambda: 1 // 0, name="crasher")
    with pytest.raises(Deadlock) as caught:
        world.run(lambda: threading.Event().wait())
    assert any("ZeroDivisionError" in note for note in caught.value.__notes__)


def test_processes_end_with_the_run_and_unwind() -> None:
    world = World()
    (host,) = world.hosts("h")
    log: list[str] = []

    def server() -> None:
        try:
            time.sleep(1_000)
        finally:
            log.append("unwound")

    process = host.run(server)
    threads = threading.active_count()
    world.run(lambda: time.sleep(1))
    assert log == ["unwound"]
    assert process.done
    assert process.killed
    assert threading.active_count() == threads
    with pytest.raises(RuntimeError, match="was killed"):
        _ = process.result


def test_kill_ends_a_process_where_it_blocks() -> None:
    world = World()
    (host,) = world.hosts("h")
    log: list[float] = []

    def stubborn() -> None:
        for _ in range(3):
            try:
                time.sleep(1_000)
            finally:
                log.append(time.monotonic())

    def main() -> float:
        process = host.run(stubborn)
        time.sleep(5)
        process.kill()
        with pytest.raises(RuntimeError, match="was killed"):
            process.join()
        return time.monotonic()

    assert world.run(main) == 5.0
    assert log == [5.0]


def test_a_process_that_will_not_end_is_abandoned() -> None:
    world = World()
    (host,) = world.hosts("h")

    def immortal() -> None:
        while True:
            with suppress(BaseException):
                time.sleep(1)

    host.run(immortal)
    world.run(lambda: time.sleep(2))


def test_join_gives_the_result_and_times_out() -> None:
    world = World()
    (host,) = world.hosts("h")

    def main() -> tuple[str, float]:
        process = host.run(lambda: (time.sleep(3), "done")[1], name="p")
        with pytest.raises(TimeoutError):
            process.join(timeout="1s")
        return process.join(), time.monotonic()

    assert world.run(main) == ("done", 3.0)


def test_exit_status() -> None:
    world = World()
    (host,) = world.hosts("h")

    def leave(status: int) -> None:
        raise SystemExit(status)

    good, bad = host.run(leave, 0), host.run(leave, 3)

    def main() -> None:
        assert good.join() is None
        with pytest.raises(SystemExit):
            bad.join()

    world.run(main)


def test_a_world_goes_on_where_it_was() -> None:
    world = World()
    world.run(lambda: time.sleep(1))
    world.run_for("2s")
    assert world.run(time.monotonic) == 3.0


def test_with_block_is_a_main_program() -> None:
    with World() as world:
        time.sleep(4)
        assert world.now == 4 * 10**9


def test_one_world_cannot_run_inside_another() -> None:
    with pytest.raises(ValueError, match="inside another"):
        World().run(lambda: World().run(lambda: None))


def test_two_worlds_in_two_threads_have_two_clocks() -> None:
    times: dict[int, float] = {}

    def live(seconds: int) -> None:
        def main() -> None:
            for _ in range(100):
                time.sleep(seconds)
            times[seconds] = time.monotonic()

        World().run(main)

    threads = [threading.Thread(target=live, args=(n,)) for n in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert times == {1: 100.0, 2: 200.0}


def test_ctrl_c_reaches_the_main_program_and_ends_all() -> None:
    world = World()
    (host,) = world.hosts("h")

    def interrupt() -> None:
        time.sleep(1)
        signal.pthread_kill(main_thread, signal.SIGINT)
        while True:
            time.sleep(1)

    main_thread = threading.get_ident()
    process = host.run(interrupt)
    with pytest.raises(KeyboardInterrupt):
        world.run(lambda: threading.Event().wait())
    assert process.done
