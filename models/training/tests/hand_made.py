"""Slices and whole training sets made in code, for tests that need something to learn."""

import csv
import pathlib

import numpy as np
import torch
from PIL import Image

from jcs import data
from jcs.lungs import find_lungs
from jcs.prepare import prepare

SIZE = 64  # of networks that are exported
LOW, SLOPE = -1350, 6  # HU of grey 0, and for one grey level, of the sets that are written


def chest(number: int, lesion: bool, source: str = "seg20", split: str = "train", patient: str | None = None) -> data.Slice:
    """A slice with two lungs, and in one of them a round lesion somewhere."""
    rng = np.random.default_rng(number)
    y, x = np.mgrid[:96, :96]
    hu = np.full((96, 96), -1000)
    hu[((x - 48) / 44) ** 2 + ((y - 48) / 34) ** 2 < 1] = 40
    lungs = (((x - 30) / 13) ** 2 + ((y - 48) / 22) ** 2 < 1) | (((x - 66) / 13) ** 2 + ((y - 48) / 22) ** 2 < 1)
    hu[lungs] = -850
    hu = hu + rng.normal(0, 15, hu.shape)
    mask = (
        (x - rng.choice((30, 66))) ** 2 + (y - rng.integers(38, 58)) ** 2 < rng.integers(5, 8) ** 2 if lesion else np.zeros(hu.shape, bool)
    )
    hu[mask] = rng.normal(-350, 60, int(mask.sum()))
    hu = hu.astype(np.int16)
    drawn = source in ("seg20", "seg20rp", "ct100", "luna")
    lung = find_lungs(hu) if source in ("luna", "emph") else lungs if drawn else None
    return data.Slice(source, str(number), patient or str(number), split, int(lesion), hu, mask if drawn else None, lung, data.frame_of(hu))


def write_grey(path: pathlib.Path, values: np.ndarray) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values.astype(np.uint8)).save(path)
    return f"{path.parent.name}/{path.name}"


def write_sets(folder: pathlib.Path, slices_of_each: int = 8) -> pathlib.Path:
    """All training sets, a quarter of each for validation."""
    number = 0
    for source in data.SETS:
        rows = []
        for k in range(slices_of_each):
            number += 1
            lesion = source not in data.OTHER_LUNGS and (k // 2) % 2 == 0
            item = chest(number, lesion, source)
            row = {"file": write_grey(folder / source / "images" / f"{k}.png", ((item.hu.astype(int) - LOW) / SLOPE).round().clip(0, 255))}
            row |= {
                "patient": f"{source}{k // 2}",
                "split": "val" if k % 4 == 3 or k == 1 else "train",
                "hu_slope": SLOPE,
                "hu_intercept": LOW,
            }
            row |= {"mask": "", "lung_mask": ""}
            if source in ("seg20", "seg20rp", "ct100"):
                row |= {
                    "lesion": int(lesion),
                    "mask": write_grey(folder / source / "masks" / f"{k}.png", 255 * item.lesion) if lesion else "",
                }
                row |= {"lung_mask": write_grey(folder / source / "lungs" / f"{k}.png", 255 * item.lung)}
            elif source == "ctmd":
                row |= {"covid_label": int(lesion), "diagnosis": "covid"}
            else:
                row |= {"label": int(lesion), "finding": "no emphysema"}
            rows.append(row)
        with open(folder / source / "index.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return folder


def hounsfield(shape: tuple[int, int, int]) -> np.ndarray:
    """Random HU with padding below air and metal, as real series have."""
    n, h, w = shape
    hu = np.random.default_rng(0).uniform(-1200, 300, (n, 1, h, w)).astype(np.float32)
    hu[:, :, :4] = -3024
    hu[:, :, 10:14, 10:14] = 3000
    hu[:, :, :, :6] = -1000  # air beside a body, so that the frame is not the whole slice
    hu[:, :, 4:, 6:12] = 40
    return hu


def settled(network: torch.nn.Module) -> torch.nn.Module:
    """Random weights with batch statistics that make the activations ordinary."""
    torch.manual_seed(0)
    with torch.no_grad():
        for _ in range(20):
            network(prepare(torch.from_numpy(hounsfield((4, SIZE, SIZE)))))
    return network.eval()
