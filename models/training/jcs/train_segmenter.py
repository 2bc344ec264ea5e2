"""Train the segmentation network (JCS section IV-B, IV-D) as a recipe says.

python -m jcs.train_segmenter
python -m jcs.train_segmenter --resume
"""

import argparse

import numpy as np
import torch
from torch import Tensor, nn

from jcs import arithmetic, augment, checkpoint, data, metrics, recipe, run, self_training, serve, warm
from jcs.losses import deep_supervision, lesion_wise
from jcs.networks.segmenter import Segmenter
from jcs.networks.unet import UNet
from jcs.networks.vgg16_imagenet import load_imagenet
from jcs.prepare import prepare
from jcs.sampling import SegmenterSampler
from jcs.schedule import Stage, stage_at

NAME = "segmenter"


def validation_slices(slices: list[data.Slice], per_patient: int | None) -> list[data.Slice]:
    """Slices of the validation patients with known masks, evenly thinned to `per_patient` for each patient."""
    chosen = []
    groups: dict[str, list[data.Slice]] = {}
    for item in slices:
        if item.split == "val" and item.lesion is not None:
            groups.setdefault("ct100" if item.source == "ct100" else item.patient, []).append(item)
    for members in groups.values():
        step = max(1, round(len(members) / per_patient)) if per_patient else 1
        chosen += members[::step]
    return chosen


@torch.inference_mode()
def predict(network: nn.Module, hu: Tensor, precision: str) -> Tensor:
    """[N, 1, S, S] in HU -> lesion probability [N, 1, S, S]."""
    device = run.device_of(network)
    with arithmetic.context(precision, device):
        logits = network(prepare(hu.to(device)).contiguous(memory_format=torch.channels_last))[0]
    return torch.sigmoid(logits.float()).cpu()


def evaluate(network: nn.Module, slices: list[data.Slice], size: int, precision: str, threshold: float = 0.5) -> dict[str, float]:
    """Mean Dice over slices with lesions, by set, and the share of lesion-free slices that get a mask, of `luna` and `emph` apart."""
    dices: dict[str, list[float]] = {}
    marked: dict[str, list[bool]] = {"empty_marked": [], "others_marked": []}
    for item in slices:
        hu, lesion = augment.plain(item, size)
        mask = (predict(network, hu[None], precision)[0] >= threshold).numpy()
        if item.lesions.any():
            dices.setdefault(item.source, []).append(metrics.dice(mask, lesion.numpy() >= 0.5))
        else:
            marked["others_marked" if item.source in data.OTHER_LUNGS else "empty_marked"].append(bool(mask.any()))
    row = {f"dice_{source}": float(np.mean(values)) for source, values in sorted(dices.items())}
    row["dice"] = float(np.mean([row[name] for name in list(row)]))
    return row | {name: float(np.mean(found)) if found else float("nan") for name, found in marked.items()}


def build(kind: str, slices: Tensor | None, table: recipe.SegmenterRecipe) -> nn.Module:
    """A network to train, from ImageNet where JCS starts there; prepared `slices` [N, 3, H, W] even its activations.

    Without slices its weights are still to come, from a checkpoint.
    """
    if kind == "unet":
        return UNet()
    network = Segmenter(table.normalise)
    if slices is not None:
        load_imagenet(network.encoder, slices)
    network.encoder.blocks[: table.frozen_blocks].requires_grad_(False)
    return network


def optimiser_groups(network: nn.Module, table: recipe.SegmenterRecipe) -> list[dict]:
    """ImageNet's convolutions and everything that starts from nothing, each with its rate."""
    convolutions = network.encoder.vgg16_convolutions() if isinstance(network, Segmenter) else []
    pretrained = {id(p) for c in convolutions for p in c.parameters()}
    groups = [
        {"params": [p for p in network.parameters() if id(p) in pretrained], "base": table.encoder_rate},
        {"params": [p for p in network.parameters() if id(p) not in pretrained], "base": table.optimiser.rate},
    ]
    return [group for group in groups if group["params"]]


def taught(slices: list[data.Slice], arguments: argparse.Namespace) -> tuple[list[data.Slice], str]:
    """Slices that the shipped segmenter outlines for the training, and which file that is."""
    model, origin = warm.shipped(arguments.models, NAME)
    network = serve.session(model.SerializeToString(), arguments.threads)
    asked = self_training.unmasked(slices)
    found = self_training.outlined(asked, lambda item: network.run(["mask_probability"], serve.whole(item))[0][0])
    print(f"self-training: sure of {len(found)} of {len(asked)} slices without masks", flush=True)
    return found, origin


def train(arguments: argparse.Namespace) -> None:
    table = recipe.load(arguments.recipe).segmenter
    if table.start == "shipped" and arguments.network != "jcs":
        raise SystemExit(f"there is no shipped {arguments.network} to start from, as the recipe {arguments.recipe} says")
    precision = run.begin(arguments)
    slices = data.load(arguments.data)
    outlined, teacher = taught(slices, arguments) if table.self_training else ([], None)
    sampler = SegmenterSampler(slices, arguments.seed, table, outlined)
    held_out = validation_slices(slices, per_patient=arguments.validate_per_patient)
    stored = {"architecture": arguments.network, "normalise": table.normalise} | ({"teacher": teacher} if teacher else {})
    begun = arguments.resume or arguments.begin_with
    if table.start == "shipped" and not begun:
        warmed, stored["start"] = warm.shipped_segmenter(table, slices, arguments.models)
        warmed.encoder.blocks[: table.frozen_blocks].requires_grad_(False)
        network: nn.Module = warmed
    else:
        evening = None if begun else sampler.batch(0, Stage(0.0, min(160, table.stages[0].size), 12))[0]
        network = build(arguments.network, evening, table)
    network = network.to(arguments.device).to(memory_format=torch.channels_last)
    optimiser = run.optimiser_for(optimiser_groups(network, table), table.optimiser)
    parts = run.Parts(network, checkpoint.Average(network, table.optimiser.average), optimiser)

    def step(iteration: int, progress: float) -> tuple[Tensor, dict[str, float]]:
        images, truth = (part.to(arguments.device) for part in sampler.batch(iteration, stage_at(table.stages, progress)))
        with arithmetic.context(precision, arguments.device):
            sides = network(images.contiguous(memory_format=torch.channels_last))
        loss = deep_supervision(sides, truth)
        if not table.lesion_weight:
            return loss, {"loss": loss.item()}
        by_lesion = lesion_wise(torch.sigmoid(sides[0].float()), truth)
        return loss + table.lesion_weight * by_lesion, {"loss": loss.item(), "lesion_loss": by_lesion.item()}

    def validate(average: nn.Module, progress: float) -> dict[str, float]:
        return evaluate(average, held_out, stage_at(table.stages, progress).size, precision)

    run.Run(NAME, arguments, table, parts, stored).go(step, validate, "dice")


def parser() -> argparse.ArgumentParser:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--network", choices=("jcs", "unet"), default="jcs", help="unet: the comparison of JCS Table V (%(default)s)")
    arguments.add_argument("--validate-per-patient", type=int, default=12, help="slices of each validation patient while training")
    run.add_arguments(arguments)
    return arguments


if __name__ == "__main__":
    train(parser().parse_args())
