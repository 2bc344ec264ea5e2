import pytest
import torch

from jcs.networks.res2net import Res2Net, activation_mapping, mapping_weights
from jcs.networks.segmenter import AttentiveFeatureFusion, Encoder, GroupedAtrousModule, Segmenter, fold_normalisation
from jcs.networks.unet import UNet


def parameters(network: torch.nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("depth", "classes", "count"), [(50, 2, 23_673_450), (50, 1000, 25_718_352), (101, 2, 43_181_018), (101, 1000, 45_225_920)]
)
def test_res2net_has_the_published_number_of_parameters(depth, classes, count):
    assert parameters(Res2Net(depth, classes)) == count


@pytest.mark.parametrize(("size", "cells"), [(224, 7), (160, 5), (128, 4)])
def test_res2net_features_have_stride_32(size, cells):
    network = Res2Net().eval()
    with torch.no_grad():
        features = network.features(torch.randn(1, 3, size, size))
    assert features.shape == (1, 2048, cells, cells)
    assert features.min() >= 0


def test_slice_logits_are_the_mean_of_cell_logits():
    network = Res2Net().eval()
    image = torch.randn(2, 3, 96, 96)
    with torch.no_grad():
        assert torch.allclose(network(image), network.cell_logits(network.features(image)).mean((2, 3)), atol=1e-5)


def test_the_map_is_the_gradient_of_the_probability_by_eq_1_and_eq_2():
    torch.manual_seed(0)
    network = Res2Net().double().eval()
    torch.nn.init.normal_(network.fc.weight, std=0.05)
    with torch.no_grad():
        features = network.features(torch.randn(2, 3, 96, 96, dtype=torch.float64)) * torch.tensor([1.0, 40.0])[:, None, None, None]
    features.requires_grad_(True)
    probability = torch.softmax(network.fc(features.mean((2, 3))), 1)[:, 1]
    gradient = torch.autograd.grad(probability.sum(), features)[0].mean((2, 3))  # eq. 1
    eq_2 = torch.relu(gradient[:, :, None, None] * features).sum(1)
    factor = (probability * (1 - probability)).detach()
    assert factor.min() > 1e-4 and factor.max() > 1.01 * factor.min()
    shown = activation_mapping(features, network.fc.weight)
    assert torch.allclose(gradient, factor[:, None] * mapping_weights(network.fc.weight, 9), rtol=1e-10)
    assert torch.allclose(eq_2, factor[:, None, None] * shown, rtol=1e-10)
    assert shown.min() >= 0


def test_segmenter_has_the_papers_number_of_parameters():
    assert parameters(Segmenter(normalise=False)) == 42_693_693


def test_parts_of_the_segmenter_have_the_papers_number_of_parameters():
    assert sum(parameters(block) for block in Encoder(normalise=False).blocks) == 14_714_688
    assert parameters(GroupedAtrousModule(512, (1, 3, 6, 9), normalise=False)) == 6_295_808
    assert sum(parameters(f) for f in Segmenter(normalise=False).fusions) == 15_385_912


def test_encoder_gives_six_levels():
    with torch.no_grad():
        maps = Encoder(normalise=False)(torch.randn(1, 3, 64, 96))
    assert [tuple(m.shape[1:]) for m in maps] == [(64, 64, 96), (128, 32, 48), (256, 16, 24), (512, 8, 12), (512, 4, 6), (512, 2, 3)]


def test_fusion_keeps_the_laterals_size_and_channels():
    fusion = AttentiveFeatureFusion(64, 128, normalise=False)
    assert fusion(torch.randn(2, 64, 16, 24), torch.randn(2, 128, 8, 12)).shape == (2, 64, 16, 24)


def test_side_outputs_come_finest_first():
    network = Segmenter(normalise=False).eval()
    with torch.no_grad():
        sides = network(torch.randn(1, 3, 64, 96))
    assert [tuple(s.shape[1:]) for s in sides] == [(1, 64, 96), (1, 32, 48), (1, 16, 24), (1, 8, 12), (1, 4, 6)]


def test_folding_normalisation_gives_the_papers_network_and_keeps_its_answer():
    torch.manual_seed(0)
    network = Segmenter(normalise=True)
    image = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        network(image)  # statistics that are not 0 and 1
        network.eval()
        before = network(image)[0]
        fold_normalisation(network)
        after = network(image)[0]
    assert parameters(network) == 42_693_693
    assert torch.allclose(before, after, atol=1e-4)


def test_unet_has_its_papers_widths_and_keeps_the_size():
    # Figure 1 of its paper: 64 to 1024 channels, two 3x3 convolutions per level and side.
    down = [(3, 64), (64, 128), (128, 256), (256, 512), (512, 1024)]
    pairs = [
        pair for inputs, outputs in down + [(2 * c, c) for c in (64, 128, 256, 512)] for pair in ((inputs, outputs), (outputs, outputs))
    ]
    kernels = [m.weight for m in UNet().modules() if isinstance(m, torch.nn.Conv2d) and m.kernel_size == (3, 3)]
    assert sorted(tuple(k.shape[1::-1]) for k in kernels) == sorted(pairs)
    (side,) = UNet(8)(torch.randn(2, 3, 64, 96))
    assert side.shape == (2, 1, 64, 96)
