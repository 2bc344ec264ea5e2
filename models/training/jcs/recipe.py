"""How the networks are trained, as a file: `recipes/shipped.toml` is ours, `recipes/paper.toml` what the paper says.

A file that names another as its `base` holds what it does otherwise.
"""

import dataclasses
import pathlib
import tomllib
import types
import typing

from jcs.schedule import Stage

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "recipes"


@dataclasses.dataclass(frozen=True)
class Views:
    """How slices are seen, and what is made of them."""

    simulated_scanner: bool  # jcs.scanner; without it slices are only moved, stretched and mirrored
    transplants: float  # share of the draws of `luna` and `emph` that get drawn lesions (classifier: of its positives there, all)
    shams: float  # share of the negatives of `luna` and `emph` that get lung of another slice
    filled: float  # share of all samples that are as of the abdomen


@dataclasses.dataclass(frozen=True)
class Optimiser:
    name: str  # sgd (momentum 0.9), adam or adamw
    rate: float
    weight_decay: float
    clip: float  # of the gradient's norm; 0 is none
    warm_up: int  # steps
    schedule: str  # poly (power 0.9), or steps: a tenth after each 0.3 of the run
    average: float  # decay of the average of the weights that is validated and exported; 0 is the last weights themselves


@dataclasses.dataclass(frozen=True)
class SegmenterRecipe:
    iterations: int
    stages: tuple[Stage, ...]
    optimiser: Optimiser
    views: Views
    share: dict[str, float]  # of the samples, by set
    empty: float  # share of the samples of a set with masks that have no lesion
    normalise: bool  # batch normalisation in decoder and GAMs
    encoder_rate: float  # of the ImageNet convolutions
    frozen_blocks: int  # of VGG-16
    lesion_weight: float  # of the lesion-wise term (jcs.losses.lesion_wise)
    self_training: float  # share of the samples that are of jcs.self_training, by the shipped network
    start: typing.Literal["imagenet", "shipped"]  # weights of VGG-16 alone, or of the whole shipped network (jcs.warm)


@dataclasses.dataclass(frozen=True)
class PretrainRecipe:
    iterations: int
    stages: tuple[Stage, ...]
    optimiser: Optimiser
    views: Views
    share: dict[str, float]
    feature_weight: float


@dataclasses.dataclass(frozen=True)
class ClassifierRecipe:
    iterations: int
    stages: tuple[Stage, ...]
    optimiser: Optimiser
    views: Views
    share: dict[str, float]
    mix_share: float  # of the batches
    mix_alpha: float  # Beta(alpha, alpha) of JCS eq. 3
    mix_across: bool  # partners of other sets, and of the other label where there are any
    cell_weight: float  # of jcs.losses.CellLoss
    mapping_weight: float  # of jcs.losses.mapping_loss
    pointing_weight: float  # of jcs.losses.pointing_loss
    start: typing.Literal["random", "pretrained", "shipped"]  # pretrained: by the table [pretrain]; shipped: jcs.warm


@dataclasses.dataclass(frozen=True)
class Recipe:
    name: str
    segmenter: SegmenterRecipe
    pretrain: PretrainRecipe | None
    classifier: ClassifierRecipe


class RecipeError(ValueError):
    """A recipe file that cannot be followed; the text names file, table and key."""


def build(kind: typing.Any, value: typing.Any, where: str) -> typing.Any:
    """A value of TOML as `kind`: a dataclass from a table, all of whose keys must be there and known, a tuple from an array."""
    if isinstance(kind, types.UnionType):
        kind = next(k for k in typing.get_args(kind) if k is not type(None))
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        if not isinstance(value, dict) or set(value) != set(hints):
            wrong = sorted(set(value) ^ set(hints)) if isinstance(value, dict) else [f"{value!r}"]
            raise RecipeError(f"{where}: missing or unknown: {', '.join(wrong)}")
        return kind(**{key: build(hint, value[key], f"{where}.{key}") for key, hint in hints.items()})
    if typing.get_origin(kind) is typing.Literal:
        if value not in typing.get_args(kind):
            raise RecipeError(f"{where}: {value!r} is none of {', '.join(typing.get_args(kind))}")
        return value
    if typing.get_origin(kind) is tuple:
        return tuple(build(typing.get_args(kind)[0], v, f"{where}[{i}]") for i, v in enumerate(value))
    if typing.get_origin(kind) is dict:
        return {str(key): build(float, v, f"{where}.{key}") for key, v in value.items()}
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
        raise RecipeError(f"{where}: {value!r} is no {kind.__name__}")
    return value


def merged(base: dict, over: dict) -> dict:
    """Tables within each other; anything else of `over` in the place of what `base` has."""
    both = {key: merged(base[key], v) if isinstance(v, dict) and isinstance(base.get(key), dict) else v for key, v in over.items()}
    return base | both


def read(name: str) -> dict:
    """The tables of a recipe and of what it is based on."""
    path = pathlib.Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in FOLDER.glob("*.toml")))
        raise RecipeError(f"{path}: there is no such recipe; known are {known}, or give the path of a .toml file")
    try:
        table = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path}: {error}") from error
    base = table.pop("base", None)
    return table if base is None else merged(read(base), table)


def load(name: str) -> Recipe:
    """A recipe by its name in the folder `recipes`, or by a path that ends in .toml."""
    path = pathlib.Path(name)
    table = {"name": path.stem, "pretrain": None} | read(name)
    pretrain = table.pop("pretrain")
    hints = typing.get_type_hints(Recipe)
    if unknown := sorted(set(table) ^ (set(hints) - {"pretrain"})):
        raise RecipeError(f"{path}: missing or unknown: {', '.join(unknown)}")
    found = Recipe(
        table["name"],
        build(SegmenterRecipe, table["segmenter"], f"{path}: segmenter"),
        build(PretrainRecipe, pretrain, f"{path}: pretrain") if pretrain else None,
        build(ClassifierRecipe, table["classifier"], f"{path}: classifier"),
    )
    if found.classifier.start == "pretrained" and found.pretrain is None:
        raise RecipeError(f"{path}: classifier.start is pretrained, and there is no table pretrain")
    return found
