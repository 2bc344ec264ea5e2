"""Losses of JCS: deep supervision for the segmenter, mixed labels and lesion cells for the classifier."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SMOOTH = 1e-5


def dice_loss(probability: Tensor, truth: Tensor) -> Tensor:
    """1 - 2 sum(P G) / (sum P + sum G), sums over the whole batch so that slices without lesions weigh as what they are."""
    overlap = (probability * truth).sum()
    return 1 - (2 * overlap + SMOOTH) / (probability.sum() + truth.sum() + SMOOTH)


def side_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """JCS eq. 4 for one side output, enlarged to the truth's size: mean binary cross-entropy plus Dice.

    Eq. 4 as printed has neither the minus nor the negative term of the cross-entropy and adds the Dice ratio itself; the
    standard forms that the text names are used. logits [N, 1, h, w], truth [N, 1, H, W] in 0..1.
    """
    logits = F.interpolate(logits.float(), truth.shape[2:], mode="bilinear", align_corners=False)
    return F.binary_cross_entropy_with_logits(logits, truth) + dice_loss(torch.sigmoid(logits), truth)


def deep_supervision(sides: list[Tensor], truth: Tensor) -> Tensor:
    """The sum of `side_loss` over all side outputs, weight 1 each (JCS section IV-B4)."""
    return torch.stack([side_loss(side, truth) for side in sides]).sum()


def mixed_label_loss(logits: Tensor, label: Tensor) -> Tensor:
    """Cross-entropy of logits [N, 2] against labels [N] in 0..1 as mixed by JCS eq. 3."""
    return F.cross_entropy(logits.float(), torch.stack([1 - label, label], 1))


class CellLoss(nn.Module):
    """Where is the lesion: the evidence of each cell against the share of the cell that lesions cover.

    Not in JCS. Slices come from six sources, and a label alone lets a network learn the source; a lesion mask says what
    to look at. A slice's logit is the mean over its cells, so a clean cell of a positive slice must not be forced far
    below zero: a scale and an offset of this loss, not of the network, lie between evidence and share.
    """

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0))
        self.offset = nn.Parameter(torch.tensor(-2.0))

    def forward(self, evidence: Tensor, share: Tensor, weight: Tensor) -> Tensor:
        """evidence [N, h, w]: COVID minus other logit; share [N, h, w] in 0..1; weight [N]: 0 where no mask is known."""
        logits = self.scale.abs() * evidence.float() + self.offset
        loss = F.binary_cross_entropy_with_logits(logits, share, reduction="none").mean((1, 2))
        return (loss * weight).sum() / weight.sum().clamp(min=1)


def mapping_loss(mapping: Tensor, share: Tensor, known: Tensor, least: float = 0.02) -> Tensor:
    """-log of the part of the activation mapping (JCS eq. 2) that lies in cells with lesion, mean over slices that have such cells.

    Not in JCS. Eq. 2 leaves out what speaks against COVID-19, so the mapping of a network that is right can still light up
    anywhere; this asks it to point at what was drawn. mapping [N, h, w] >= 0, share [N, h, w] of each cell that lesions cover,
    known [N]: 0 where no mask is known.
    """
    inside = (share > least).to(mapping.dtype)
    chosen = (known > 0) & (inside.sum((1, 2)) > 0)
    if not chosen.any():
        return mapping.new_zeros(())
    part = (mapping * inside).sum((1, 2)) / mapping.sum((1, 2)).clamp(min=SMOOTH)
    return -torch.log(part[chosen].clamp(min=SMOOTH)).mean()


def pointing_loss(evidence: Tensor, share: Tensor, known: Tensor, least: float = 0.02) -> Tensor:
    """-log of the part of softmax(evidence) over a slice's cells that lies in cells with lesion, mean over slices that have such cells.

    Not in JCS. `mapping_loss` sees what speaks for COVID-19 alone, as eq. 2 does; this asks the same of the sum that decides: within a
    positive slice the evidence has to come from the lesions, whatever its level. evidence [N, h, w], share and known as there.
    """
    inside = share > least
    chosen = (known > 0) & inside.any(2).any(1)
    if not chosen.any():
        return evidence.new_zeros(())
    values = evidence[chosen].float().flatten(1)
    of_lesion = values.masked_fill(~inside[chosen].flatten(1), -torch.inf)
    return (values.logsumexp(1) - of_lesion.logsumexp(1)).mean()


def lesion_wise(probability: Tensor, truth: Tensor, kernel: int = 9) -> Tensor:
    """1 - mean soft Dice of neighbourhoods that hold lesion, each alike whatever its size: small lesions weigh as large ones.

    Not in JCS; after the component-wise Dice terms of the literature, without components: sums over windows of `kernel` pixels around
    every pixel of a lesion, each weighted by 1 / the lesion pixels of the window. probability and truth [N, 1, S, S] in 0..1.
    """
    pool = F.avg_pool2d
    truth_near, probability_near = (pool(x, kernel, 1, kernel // 2) for x in (truth, probability))
    both_near = pool(probability * truth, kernel, 1, kernel // 2)
    dice = (2 * both_near + SMOOTH) / (truth_near + probability_near + SMOOTH)
    weight = truth / (truth_near + SMOOTH)
    return 1 - (dice * weight).sum() / weight.sum() if bool((weight > 0).any()) else probability.new_zeros(())
