"""How far steps are, told in lines: counts, rates, the time left, and what is known already."""

import pytest

from atpub.progress import Advanced, Completed, Ended, Failed, Progress, Started
from atpub.report.progress import ProgressTracker, StepProgress, percent

MB = 1_000_000


def tracked(*sent: Progress) -> ProgressTracker:
    tracker = ProgressTracker()
    for item in sent:
        tracker.update(item)
    return tracker


def only(tracker: ProgressTracker) -> StepProgress:
    (step,) = tracker.steps
    return step


@pytest.mark.parametrize(
    ("item", "line"),
    [
        (Started("hash", 2, 1500), "hash: 2 files, 1.5 kB"),
        (Started("upload", 1), "upload: 1 file"),
        (Advanced("hash", "a.tar", 500, 1500), "hash: a.tar, 500 B of 1.5 kB"),
        (Advanced("download", "a.tar", 500), "download: a.tar, 500 B"),
        (Completed("verify", "a.tar", 500), "verify: a.tar, 500 B, done"),
        (Completed("lock", "a.tar", 500, is_known=True), "lock: a.tar, 500 B, known"),
        (Failed("pack", "a.tar"), "pack: a.tar, failed"),
        (Ended("hash"), "hash: ended"),
    ],
    ids=str,
)
def test_a_value_is_a_line(item: Progress, line: str) -> None:
    assert str(item) == line


def test_a_step_with_its_rate_and_the_time_left() -> None:
    tracker = tracked(Started("hash", 3, 100 * MB))
    tracker.sample(0.0)
    tracker.update(Advanced("hash", "a", 10 * MB, 50 * MB))
    tracker.update(Completed("hash", "b", 10 * MB))
    tracker.sample(2.0)
    assert only(tracker).texts == (
        "Hashing 1 of 3 files, 20.0 MB of 100.0 MB, 10.0 MB/s, 8 s left",
        "Hashing 1/3, 20.0 MB of 100.0 MB, 10.0 MB/s, 8 s left",
        "Hashing 1/3, 10.0 MB/s, 8 s left",
        "Hashing 1/3, 8 s left",
        "Hashing 1/3",
    )


def test_the_time_left_where_only_some_sizes_are_known() -> None:
    """The other files are taken to be like those that have begun."""
    tracker = tracked(Started("lock", 5))
    tracker.sample(0.0)
    tracker.update(Completed("lock", "a", 10 * MB))
    tracker.update(Advanced("lock", "b", 10 * MB, 30 * MB))
    tracker.update(Failed("lock", "c"))
    tracker.sample(2.0)
    assert only(tracker).texts[0] == "Locking 2 of 5 files, 1 failed, 20.0 MB, 10.0 MB/s, about 6 s left"
    tracker.update(Advanced("lock", "d", 1, None))
    assert only(tracker).seconds_left is None


def test_bytes_of_earlier_runs_are_done_and_raise_no_rate() -> None:
    tracker = tracked(Started("download", 3, 100 * MB))
    tracker.sample(0.0)
    tracker.update(Completed("download", "known", 50 * MB, is_known=True))
    tracker.update(Advanced("download", "continued", 30 * MB, 40 * MB, known=29 * MB))
    tracker.sample(1.0)
    assert (only(tracker).done, only(tracker).rate) == (80 * MB, MB)
    tracker.update(Completed("download", "continued", 40 * MB))
    tracker.sample(2.0)
    assert (only(tracker).done, only(tracker).rate) == (90 * MB, 5.5 * MB)


def test_the_rate_is_that_of_the_last_seconds() -> None:
    tracker = tracked(Started("upload", 1, 1000 * MB))
    for second in range(61):
        speed = 10 if second <= 30 else 1
        done = min(second, 30) * 10 * MB + max(0, second - 30) * MB
        tracker.update(Advanced("upload", "a", done, 1000 * MB))
        tracker.sample(float(second))
        if second in (30, 60):
            assert only(tracker).rate == speed * MB


def test_what_is_not_known_is_left_out() -> None:
    step = only(tracked(Started("pack", 2), Advanced("pack", "a", 5)))
    assert step.texts[0] == "Packing 0 of 2 files, 5 B"
    step = only(tracked(Started("pack", 2, 3), Advanced("pack", "a", 5)))  # more than was said
    step.sample(0.0)
    step.sample(1.0)
    assert (step.rate, step.seconds_left) == (0.0, None)


def test_a_try_that_begins_again_takes_no_bytes_back_twice() -> None:
    tracker = tracked(Started("download", 1, 10 * MB), Advanced("download", "a", 5 * MB, 10 * MB))
    tracker.sample(0.0)
    tracker.update(Advanced("download", "a", MB, 10 * MB))
    tracker.sample(1.0)
    assert (only(tracker).done, only(tracker).rate) == (MB, 0.0)


def test_a_file_that_failed_is_counted_and_no_longer_at_work() -> None:
    step = only(tracked(Started("download", 2), Advanced("download", "a", 5), Failed("download", "a")))
    assert (step.at_work, step.texts[0]) == ({}, "Downloading 1 of 2 files, 1 failed, 0 B")


def test_steps_run_beside_each_other_and_end_for_good() -> None:
    tracker = tracked(Started("lock", 1), Started("hash", 2))
    assert [step.step for step in tracker.steps] == ["lock", "hash"]
    tracker.update(Ended("hash"))
    tracker.update(Advanced("hash", "late", 5))  # from a thread that has not heard of it
    tracker.update(Ended("hash"))
    assert [step.step for step in tracker.steps] == ["lock"]


@pytest.mark.parametrize(
    ("done", "whole", "text"), [(0, 10, "0 %"), (999, 1000, "99 %"), (11, 10, "100 %"), (0, 0, "100 %"), (5, None, "")]
)
def test_percent(done: int, whole: int | None, text: str) -> None:
    assert percent(done, whole) == text
