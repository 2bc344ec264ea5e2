"""How a training run was asked for, how far it is, and what follows from it: learning rate and image size."""

import argparse
import dataclasses
import datetime
import signal
import time


@dataclasses.dataclass
class Budget:
    """A run ends after `minutes` of processor time, after `iterations`, or at a time of day (`until`), whichever is given.

    Iterations make a run repeatable; minutes make it fit a machine. Processor time of all threads counts, so a run that waits or is
    stopped loses nothing. That of earlier parts of a resumed run counts, too. With `until` a run comes to its end, its rate let down,
    however little of the machine it got.
    """

    minutes: float | None
    iterations: int | None
    until: float | None = None  # seconds since 1970
    begun: float = dataclasses.field(default_factory=lambda: time.time())
    seconds_before: float = 0.0
    iteration: int = 0
    started: float = dataclasses.field(default_factory=time.process_time)

    def __post_init__(self) -> None:
        if sum(given is not None for given in (self.minutes, self.iterations, self.until)) != 1:
            raise ValueError("give one of minutes, iterations and until")

    @property
    def seconds(self) -> float:
        return self.seconds_before + time.process_time() - self.started

    @property
    def progress(self) -> float:
        """0 at the start, 1 at the end."""
        if self.until is not None:
            return min(1.0, (time.time() - self.begun) / (self.until - self.begun)) if self.until > self.begun else 1.0
        part = self.iteration / self.iterations if self.iterations else self.seconds / (60 * (self.minutes or 0))
        return min(part, 1.0)


def time_of_day(text: str) -> float:
    """HH:MM of today, also where that is past, so that a run that is started again has the same end; or a date and time (ISO 8601).

    In seconds since 1970.
    """
    today = datetime.datetime.now().date().isoformat()
    return datetime.datetime.fromisoformat(text if "-" in text else f"{today}T{text}").astimezone().timestamp()


def poly(progress: float, power: float = 0.9) -> float:
    """Factor of the learning rate, JCS section IV-D."""
    return (1 - progress) ** power


def steps(progress: float) -> float:
    """The same for the classifier of JCS section IV-D: a tenth after every 30 of 100 epochs."""
    return 0.1 ** int(progress / 0.3 + 1e-9)


def warm_up(iteration: int, length: int) -> float:
    return min(1.0, (iteration + 1) / length)


@dataclasses.dataclass(frozen=True)
class Stage:
    """From this share of the run on: image size and batch."""

    start: float
    size: int
    batch: int


def stage_at(stages: tuple[Stage, ...], progress: float) -> Stage:
    return [s for s in stages if s.start <= progress][-1]


class Interruption:
    """True once the process was asked to end; the run then validates, saves and stops."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.note)

    def note(self, number: int, frame: object) -> None:
        self.asked = True


LOCAL = (
    "folder",
    "data",
    "threads",
    "resume",
    "validate_every",
    "save_every",
    "validate_per_patient",
    "device",
    "models",
)  # without influence on a result
# When a run is resumed; the schedule then follows the new budget.
MAY_CHANGE = ("minutes", "iterations", "until", "arithmetic", "pretrained", "begin-with")


def options(arguments: argparse.Namespace) -> dict[str, str]:
    """What a checkpoint says about its run."""
    given = {name: value for name, value in vars(arguments).items() if name not in LOCAL and value not in (None, [])}
    return {"options": " ".join(f"--{name.replace('_', '-')} {value}" for name, value in sorted(given.items()))}


def differences(before: str, now: str) -> list[str]:
    """What two option texts of `options` say differently, but for what may change."""

    def parts(text: str) -> set[str]:
        return {f"--{part.strip()}" for part in text.split("--") if part.strip() and part.split()[0] not in MAY_CHANGE}

    return sorted(parts(before) ^ parts(now))
