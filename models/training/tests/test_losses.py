import math

import torch

from jcs.losses import CellLoss, deep_supervision, dice_loss, lesion_wise, mapping_loss, mixed_label_loss, pointing_loss, side_loss


def test_dice_loss_by_hand():
    probability, truth = torch.tensor([[0.5, 1.0, 0.0]]), torch.tensor([[1.0, 1.0, 0.0]])
    assert math.isclose(dice_loss(probability, truth), 1 - 2 * 1.5 / (1.5 + 2), rel_tol=1e-5)


def test_dice_loss_of_an_empty_slice():
    assert float(dice_loss(torch.zeros(4), torch.zeros(4))) == 0
    assert float(dice_loss(torch.full((4,), 0.5), torch.zeros(4))) > 0.99


def test_side_loss_by_hand():
    logits, truth = torch.tensor([[[[0.0, 0.0]]]]), torch.tensor([[[[1.0, 0.0]]]])
    # Cross-entropy ln 2; Dice 2 * 0.5 / (1 + 1).
    assert math.isclose(side_loss(logits, truth), math.log(2) + 1 - 0.5, rel_tol=1e-4)


def test_deep_supervision_enlarges_and_adds_all_sides():
    truth = torch.zeros(1, 1, 4, 4)
    truth[..., :2] = 1
    sides = [torch.full((1, 1, 4, 4), 0.3), torch.full((1, 1, 2, 2), 0.3), torch.full((1, 1, 1, 1), 0.3)]
    assert torch.isclose(deep_supervision(sides, truth), 3 * side_loss(sides[0], truth))


def test_mixed_label_loss_by_hand():
    logits = torch.tensor([[0.0, math.log(3.0)]])  # probabilities 1/4 and 3/4
    expected = -(0.4 * math.log(0.25) + 0.6 * math.log(0.75))
    assert math.isclose(mixed_label_loss(logits, torch.tensor([0.6])), expected, rel_tol=1e-5)


def test_cell_loss_counts_only_slices_with_known_cells():
    loss = CellLoss()
    evidence, share = torch.zeros(2, 1, 1), torch.tensor([[[1.0]], [[0.0]]])
    covered = math.log(1 + math.exp(2.0))  # the offset is -2
    assert math.isclose(loss(evidence, share, torch.tensor([1.0, 0.0])).item(), covered, rel_tol=1e-5)
    assert float(loss(evidence, share, torch.zeros(2))) == 0


def test_mapping_loss_by_hand():
    mapping = torch.tensor([[[3.0, 1.0], [0.0, 0.0]], [[1.0, 1.0], [1.0, 1.0]], [[0.0, 5.0], [0.0, 0.0]]])
    share = torch.zeros(3, 2, 2)
    share[0, 0, 0] = share[2, 0, 0] = 0.5
    # The second slice has no lesion; the mask of the third is not known.
    assert math.isclose(mapping_loss(mapping, share, torch.tensor([1.0, 1.0, 0.0])), -math.log(3 / 4), rel_tol=1e-5)
    assert float(mapping_loss(mapping, share, torch.zeros(3))) == 0


def test_pointing_loss_by_hand():
    evidence = torch.tensor([[[math.log(3.0), 0.0], [0.0, 0.0]], [[9.0, 1.0], [1.0, 1.0]], [[0.0, 5.0], [0.0, 0.0]]])
    share = torch.zeros(3, 2, 2)
    share[0, 0, 0] = share[2, 0, 0] = 0.5
    known = torch.tensor([1.0, 1.0, 0.0])
    assert math.isclose(pointing_loss(evidence, share, known), -math.log(3 / 6), rel_tol=1e-5)
    assert math.isclose(pointing_loss(evidence - 40, share, known), -math.log(3 / 6), rel_tol=1e-4)  # its level says nothing
    assert float(pointing_loss(evidence, share, torch.zeros(3))) == 0


def test_lesion_wise_counts_small_lesions_as_large_ones():
    truth = torch.zeros(1, 1, 64, 64)
    truth[..., 4:36, 4:36], truth[..., 54:56, 54:56] = 1, 1  # 1024 pixels and 4
    missed_small, missed_large = truth.clone(), truth.clone()
    missed_small[..., 54:56, 54:56], missed_large[..., 4:36, 4:36] = 0, 0
    assert float(lesion_wise(truth, truth)) < 1e-3
    small, large = float(lesion_wise(missed_small, truth)), float(lesion_wise(missed_large, truth))
    assert small > 20 * float(dice_loss(missed_small, truth)) and large > small
    assert float(lesion_wise(truth, torch.zeros_like(truth))) == 0
