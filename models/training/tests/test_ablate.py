"""Which trainings are made, and that they go on."""

import argparse
import pathlib

import pytest

from jcs import ablate, checkpoint, experiment, recipe, train_classifier


@pytest.fixture
def given(tmp_path) -> argparse.Namespace:
    return argparse.Namespace(
        iterations=5, folder=tmp_path / "runs", models=tmp_path, results=tmp_path / "results", data=None, threads=1, every=3, only=[]
    )


def test_every_trial_is_a_known_recipe_and_a_name_that_the_card_shows(given, tmp_path):
    for trial in ablate.TRIALS:
        asked = ablate.TRAINERS[trial.network].parser().parse_args(ablate.begun(trial, tmp_path, given))
        assert getattr(recipe.load(asked.recipe), trial.network).start == "shipped" and asked.iterations == 5 and not asked.resume
        assert getattr(asked, "without", []) == ([trial.without] if trial.without else [])
        assert experiment.parser().parse_args(ablate.examined(trial, tmp_path, given)).every == 3
    assert {trial.without for trial in ablate.TRIALS if trial.without} == {"luna", "pneu", "iqoth", "emph", "tcga"}


def test_trials_differ_from_the_first_in_what_their_name_says():
    first = recipe.load("short")
    for trial in ablate.TRIALS:
        same = recipe.load(trial.recipe)
        same = getattr(same, trial.network) == getattr(first, trial.network)
        assert same == (trial.without is not None or trial.name in ("ablation-all", "variant-plain"))


def test_a_stopped_run_is_taken_up_and_a_finished_one_is_not_made_again(given, tmp_path, monkeypatch):
    made: list[tuple[str, bool]] = []

    def trained(asked: argparse.Namespace) -> None:
        made.append((asked.folder.name, asked.resume))
        checkpoint.save(asked.folder / "classifier-last.pt", {"iteration": 5})

    def recorded(asked: argparse.Namespace) -> None:
        asked.results.mkdir(exist_ok=True)
        (asked.results / f"{asked.name}.json").write_text("{}")

    monkeypatch.setattr(train_classifier, "train", trained)
    monkeypatch.setattr(experiment, "record", recorded)
    checkpoint.save(given.folder / "source-luna" / "classifier-last.pt", {"iteration": 1})
    words = ["--iterations", "5", "--folder", str(given.folder), "--results", str(given.results), "--only", "source-luna"]
    monkeypatch.setattr("sys.argv", ["ablate", *words, "--only", "ablation-all"])
    ablate.main()
    assert made == [("ablation-all", False), ("source-luna", True)]
    ablate.main()
    assert len(made) == 2
    pathlib.Path(given.results / "source-luna.json").unlink()
    ablate.main()  # measured again, not trained
    assert len(made) == 2 and (given.results / "source-luna.json").exists()
