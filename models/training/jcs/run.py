"""A training run of any of the networks: its budget, what it leaves on disk, and how it is taken up again.

A run keeps NAME-last.pt (all that is needed to go on, written every few minutes), NAME-best.pt (averaged weights, best on validation),
NAME.csv and NAME.png (one row per validation). A killed run loses what came after the last checkpoint; a resumed one is the same to the
bit as one that was never stopped, since a batch depends on seed and iteration alone.
"""

import argparse
import dataclasses
import hashlib
import json
import pathlib
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from jcs import arithmetic, checkpoint, data, manifest, recipe
from jcs.machine import processor
from jcs.schedule import Budget, Interruption, differences, options, poly, steps, time_of_day, warm_up

FACTORS = {"poly": poly, "steps": steps}
# What a checkpoint says of the run or the file that its own run began with.
CAME_FROM = ("pretrained_options", "pretrained_recipe", "pretrained_iteration", "start", "begun_with", "teacher")
TOLD = ("options", "recipe", "iteration", "seconds", "machine")  # and of itself, to a run that begins with it
Table = recipe.SegmenterRecipe | recipe.PretrainRecipe | recipe.ClassifierRecipe


class ResumeError(RuntimeError):
    """A run that cannot be taken up as asked; the text says why."""


class DivergenceError(ArithmeticError):
    """A loss that is no number: nothing is saved from there on."""


@dataclasses.dataclass(frozen=True)
class Parts:
    """What a run trains. `extra` are parameters of losses."""

    network: nn.Module
    average: checkpoint.Average
    optimiser: torch.optim.Optimizer
    extra: nn.Module | None = None

    def state(self) -> dict:
        state = {
            "network": self.network.state_dict(),
            "average": self.average.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        return state | ({"extra": self.extra.state_dict()} if self.extra else {})

    def load(self, state: dict) -> None:
        self.network.load_state_dict(state["network"])
        self.average.network.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.extra:
            self.extra.load_state_dict(state["extra"])


def optimiser_for(groups: list[dict], asked: recipe.Optimiser) -> torch.optim.Optimizer:
    """Over groups of parameters, each with its `base` rate; the rate itself is set at every step."""
    if asked.name == "sgd":
        return torch.optim.SGD(groups, lr=0.0, momentum=0.9, weight_decay=asked.weight_decay)
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    return kinds[asked.name](groups, lr=0.0, betas=(0.9, 0.999), weight_decay=asked.weight_decay)


class Run:
    """`step` and `validate` are the network's own; all else is here.

    step(iteration, progress) computes one loss of a batch: (loss to descend, losses to report). validate(network, progress) gives
    measures by name, of which the one called `measure` chooses the best checkpoint.
    """

    def __init__(self, name: str, arguments: argparse.Namespace, table: Table, parts: Parts, stored: dict):
        self.name, self.plan, self.parts = name, table.optimiser, parts
        self.folder: pathlib.Path = arguments.folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.save_every, self.validate_every = 60 * arguments.save_every, 60 * arguments.validate_every
        key = data.content_key(arguments.data or data.default_data_folder())
        machine = f"{processor()}, threads: {arguments.threads}"
        self.stored = stored | options(arguments) | {"recipe": recipe_text(table), "data": key, "machine": machine}
        asked = arguments.minutes or arguments.iterations or arguments.until
        self.budget = Budget(arguments.minutes, arguments.iterations if asked else table.iterations, arguments.until)
        self.best = -1.0
        self.losses: list[dict[str, float]] = []
        if arguments.resume:
            self.take_up()
        elif arguments.begin_with:
            self.begin_with(arguments.begin_with)
        self.curves = checkpoint.Curves(self.folder / f"{name}.csv", arguments.resume)

    @property
    def last(self) -> pathlib.Path:
        return self.folder / f"{self.name}-last.pt"

    def begin_with(self, path: pathlib.Path) -> None:
        """Take another run's network, average and moments, and keep what it says of itself; steps and budget begin at nothing."""
        state = checkpoint.load(path)
        self.parts.load(state)
        told = {key: value for key, value in state.items() if key in TOLD + CAME_FROM}
        self.stored["begun_with"] = json.dumps({"sha256": hashlib.sha256(path.read_bytes()).hexdigest()} | told, sort_keys=True)

    def take_up(self) -> None:
        if not self.last.exists():
            raise ResumeError(f"{self.last} is missing: nothing to resume; leave --resume out to begin")
        state = checkpoint.load(self.last)
        if found := differences(state["options"], self.stored["options"]):
            raise ResumeError(f"{self.last} was begun with other options: {', '.join(found)}; give the same, or another --folder")
        if found := changed_keys(state["recipe"], self.stored["recipe"]):
            raise ResumeError(f"{self.last} was begun with another {', '.join(found)} in its recipe; take that one, or another --folder")
        if state["data"] != self.stored["data"]:
            raise ResumeError(f"{self.last} was begun with other data: the files of the training sets have changed; take another --folder")
        if state.get("teacher") != self.stored.get("teacher"):
            raise ResumeError(f"{self.last} was begun with another teacher, {state.get('teacher')}; name its folder with --models")
        self.parts.load(state)
        # What a run came from is said when it begins.
        self.stored |= {key: value for key, value in state.items() if key in CAME_FROM}
        self.budget.begun = state.get("begun", self.budget.begun)
        self.budget.iteration, self.budget.seconds_before, self.best = state["iteration"], state["seconds"], state["best"]

    def save(self) -> None:
        progress = {"iteration": self.budget.iteration, "seconds": self.budget.seconds, "best": self.best}
        if self.budget.until is not None:
            progress["begun"] = self.budget.begun
        checkpoint.save(self.last, self.parts.state() | self.stored | progress)

    def rate(self) -> float:
        factor = FACTORS[self.plan.schedule](self.budget.progress) * warm_up(self.budget.iteration, self.plan.warm_up)
        for group in self.parts.optimiser.param_groups:
            group["lr"] = factor * group["base"]
        return factor

    def descend(self, loss: torch.Tensor) -> None:
        if not torch.isfinite(loss):
            raise DivergenceError(f"the loss at iteration {self.budget.iteration} is {loss.item()}; {self.last} is from before")
        self.parts.optimiser.zero_grad()
        loss.backward()
        if self.plan.clip:
            nn.utils.clip_grad_norm_(self.parts.network.parameters(), self.plan.clip)
        self.parts.optimiser.step()
        self.parts.average.update(self.parts.network, self.budget.iteration)

    def note(self, validate: Callable[[nn.Module, float], dict[str, float]], measure: str) -> None:
        """Validate the averaged network, and keep it if it is the best."""
        row = {"iteration": self.budget.iteration, "minutes": self.budget.seconds / 60, "rate": self.rate()}
        row |= {name: float(np.mean([loss[name] for loss in self.losses])) for name in (self.losses[0] if self.losses else ())}
        row |= validate(self.parts.average.network, self.budget.progress)
        self.losses = []
        self.curves.add(row)
        print({k: round(v, 4) for k, v in row.items()}, flush=True)
        if row[measure] > self.best:
            self.best = row[measure]
            weights = {"average": self.parts.average.network.state_dict()}
            checkpoint.save(self.folder / f"{self.name}-best.pt", weights | self.stored | row)
        self.save()

    def go(
        self,
        step: Callable[[int, float], tuple[torch.Tensor, dict[str, float]]],
        validate: Callable[[nn.Module, float], dict[str, float]],
        measure: str,
    ) -> None:
        """To the end of the budget, or until SIGTERM or Ctrl-C: then everything is saved and SystemExit raised."""
        interruption = Interruption()
        saved = validated = time.process_time()
        self.parts.network.train()
        while self.budget.progress < 1:
            if interruption.asked:
                self.save()
                raise SystemExit(f"stopped at iteration {self.budget.iteration}; --resume goes on")
            self.rate()
            loss, reported = step(self.budget.iteration, self.budget.progress)
            self.descend(loss)
            self.losses.append(reported)
            self.budget.iteration += 1
            now = time.process_time()
            if now - validated > self.validate_every:
                self.note(validate, measure)
                saved = validated = time.process_time()
            elif now - saved > self.save_every:
                self.save()
                recent = {name: round(float(np.mean([loss[name] for loss in self.losses[-50:]])), 4) for name in reported}
                print(f"iteration {self.budget.iteration}, {self.budget.seconds / 60:.1f} minutes: {recent}", flush=True)
                saved = now
        if not self.curves.rows or self.curves.rows[-1]["iteration"] != self.budget.iteration:
            self.note(validate, measure)


def begin(arguments: argparse.Namespace) -> str:
    """Seed and threads; the arithmetic to use."""
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    on_cpu = arguments.device.type == "cpu"
    fastest = arithmetic.faster if on_cpu else lambda: "bf16"
    precision = fastest() if arguments.arithmetic == "auto" else arguments.arithmetic
    print(f"arithmetic: {precision}", flush=True)
    return precision


def recipe_text(table: Table) -> str:
    """A part of a recipe, for the checkpoint; the budget stands in the options."""
    return json.dumps({k: v for k, v in dataclasses.asdict(table).items() if k != "iterations"}, sort_keys=True)


def changed_keys(before: str, now: str) -> list[str]:
    """What two texts of `recipe_text` say differently; a key that the older does not know is new since, and neutral in old recipes."""
    old, new = json.loads(before), json.loads(now)
    return sorted(key for key in old if old[key] != new.get(key))


def add_arguments(arguments: argparse.ArgumentParser) -> None:
    """The options that all trainers have."""
    budget = arguments.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=float, help="processor minutes in all, earlier parts of a resumed run included")
    budget.add_argument("--iterations", type=int, help="optimiser steps in all (the recipe's); makes a run repeatable")
    budget.add_argument("--until", type=time_of_day, help="HH:MM of today, or a date and time: the schedule ends then")
    arguments.add_argument("--recipe", default="shipped", help="of the folder recipes, or a path that ends in .toml (%(default)s)")
    arguments.add_argument(
        "--models", type=pathlib.Path, default=manifest.models_folder(), help="what a recipe that starts with shipped ones starts with"
    )
    arguments.add_argument("--resume", action="store_true", help="go on from the last checkpoint in the folder")
    arguments.add_argument(
        "--begin-with", type=pathlib.Path, default=None, help="a -last.pt of another run, of any recipe: its network is trained on"
    )
    arguments.add_argument("--folder", type=pathlib.Path, default=data.training_folder(), help="checkpoints and curves (%(default)s)")
    arguments.add_argument(
        "--data", type=pathlib.Path, default=None, help="folder of the training sets (JCS_DATA, or ../shared/data/train)"
    )
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--arithmetic", choices=arithmetic.CHOICES, default="auto", help="auto times both on this processor")
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--device", type=torch.device, default=torch.device("cpu"), help="cpu, or cuda (setup.sh with JCS_GPU=1)")
    arguments.add_argument("--validate-every", type=float, default=12.0, help="processor minutes between validations (%(default)s)")
    arguments.add_argument("--save-every", type=float, default=3.0, help="processor minutes between checkpoints (%(default)s)")


def device_of(network: nn.Module) -> torch.device:
    return next(network.parameters()).device
