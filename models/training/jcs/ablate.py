"""Short trainings that differ in one thing, from one start and with one budget, and what each makes of the validation split.

    python -m jcs.ablate --iterations 100         # all that have no result yet; again after any end, it goes on
    python -m jcs.ablate --iterations 100 --only source-luna --only ablation-without_mixing

They begin with the shipped network (recipe `short`), or with that of another `--models` folder. What the start has seen is part of the
result: a set can only be left out of a training whose start had not seen it. Results go where `jcs.experiment` puts them, for the card.
"""

import argparse
import dataclasses
import pathlib

from jcs import checkpoint, data, experiment, manifest, recipe, results, train_classifier, train_segmenter

TRAINERS = {"classifier": train_classifier, "segmenter": train_segmenter}


@dataclasses.dataclass(frozen=True)
class Trial:
    name: str  # of jcs.experiment
    recipe: str
    without: str | None = None
    title: str | None = None
    network: str = "classifier"


TRIALS = (
    Trial("ablation-all", "short", title="as shipped is trained, but short"),
    Trial("ablation-without_scanner", "without-scanner", title="without the simulated scanner"),
    Trial("ablation-without_mixing", "without-mixing", title="without mixing"),
    Trial("ablation-mixing_anyhow", "mixing-anyhow", title="mixing with anything"),
    Trial("ablation-without_transplants", "without-transplants", title="without transplants"),
    Trial("variant-plain", "short", title="as shipped is trained, but short", network="segmenter"),
    Trial("variant-lesion_wise", "short-lesion-wise", title="with the lesion-wise term", network="segmenter"),
    Trial("variant-self_training", "short-self-training", title="with self-training", network="segmenter"),
    Trial("variant-384", "short-384", title="at 384 pixels", network="segmenter"),
    *(Trial(f"source-{name}", "short", without=name) for name in data.OTHER_LUNGS),
)


def begun(trial: Trial, folder: pathlib.Path, arguments: argparse.Namespace) -> list[str]:
    """The options of its training."""
    words = ["--recipe", trial.recipe, "--iterations", str(arguments.iterations), "--seed", "1", "--threads", str(arguments.threads)]
    words += ["--folder", str(folder), "--models", str(arguments.models), "--validate-every", "1000"]
    words += ["--data", str(arguments.data)] if arguments.data else []
    words += ["--without", trial.without] if trial.without else []
    return words + (["--resume"] if (folder / f"{trial.network}-last.pt").exists() else [])


def examined(trial: Trial, folder: pathlib.Path, arguments: argparse.Namespace) -> list[str]:
    words = [trial.name, "--checkpoint", str(folder / f"{trial.network}-last.pt"), "--every", str(arguments.every)]
    words += ["--results", str(arguments.results), "--threads", str(arguments.threads), "--arithmetic", "auto"]
    asked = recipe.load(trial.recipe)
    table = asked.classifier if trial.network == "classifier" else asked.segmenter
    words += [f"--{trial.network}-size", str(table.stages[-1].size)]
    words += ["--data", str(arguments.data)] if arguments.data else []
    return words + (["--title", trial.title] if trial.title else [])


def finished(trial: Trial, folder: pathlib.Path, iterations: int) -> bool:
    path = folder / f"{trial.network}-last.pt"
    return path.exists() and checkpoint.load(path)["iteration"] >= iterations


def main() -> None:
    names = [trial.name for trial in TRIALS]
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--iterations", type=int, required=True, help="steps of each training")
    arguments.add_argument("--only", action="append", default=[], choices=names, help="one of them; repeatable")
    arguments.add_argument("--every", type=int, default=1, help="each so many-th slice is judged on (%(default)s)")
    arguments.add_argument("--folder", type=pathlib.Path, default=data.training_folder() / "ablate", help="checkpoints (%(default)s)")
    arguments.add_argument("--models", type=pathlib.Path, default=manifest.models_folder(), help="what they begin with (%(default)s)")
    arguments.add_argument("--results", type=pathlib.Path, default=results.default_folder(), help="JSON files (%(default)s)")
    arguments.add_argument(
        "--data", type=pathlib.Path, default=None, help="folder of the training sets (JCS_DATA, or ../shared/data/train)"
    )
    arguments.add_argument("--threads", type=int, default=1)
    given = arguments.parse_args()
    for trial in TRIALS:
        if given.only and trial.name not in given.only:
            continue
        folder = given.folder / trial.name
        done = finished(trial, folder, given.iterations)
        if done and (given.results / f"{trial.name}.json").exists():
            print(f"{trial.name}: there already", flush=True)
            continue
        if not done:
            trainer = TRAINERS[trial.network]
            trainer.train(trainer.parser().parse_args(begun(trial, folder, given)))
        experiment.record(experiment.parser().parse_args(examined(trial, folder, given)))


if __name__ == "__main__":
    main()
