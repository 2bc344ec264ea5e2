import numpy as np
import pytest
import torch

from jcs.networks import vgg16_imagenet
from jcs.networks.segmenter import Encoder

# First weight and bias of each convolution of the Oxford VGG-16 as a public program prints them (channels R, G, B).
FIRST_VALUES = [
    (0.4800154, 0.73429835),
    (0.16621928, -0.30912212),
    (-0.008902963, -0.04577766),
    (-0.0023012366, -0.06418542),
    (0.002486315, -0.074358866),
    (-0.0103266295, 0.019675018),
    (0.0024918285, 0.035415243),
    (-0.012453815, 0.013485669),
    (0.007116542, 0.023680462),
    (-0.0041355654, 0.03757768),
    (-0.0006068934, 0.09722325),
    (-0.0011261065, 0.21327873),
    (0.00040788297, 0.18837857),
]


@pytest.fixture(scope="module")
def published():
    if not vgg16_imagenet.wheel_path().exists():
        pytest.skip(f"{vgg16_imagenet.WHEEL} is not in the cache; models/training/setup.sh downloads it")
    return vgg16_imagenet.read_convolutions()


def test_the_26_published_values_agree(published):
    assert sum(weight.size + bias.size for weight, bias in published) == 14_714_688
    # The first layer has its channels as B, G, R here: red comes last.
    first = [(weight[0, 2 if number == 0 else 0, 0, 0], bias[0]) for number, (weight, bias) in enumerate(published)]
    np.testing.assert_allclose(first, FIRST_VALUES, rtol=2e-7)


def test_prepared_grey_gives_what_the_published_input_gives(published):
    weight, bias = published[0]
    grey = torch.rand(1, 1, 8, 8)
    keras = 255 * grey - torch.tensor(vgg16_imagenet.MEAN_BGR)[:, None, None]
    prepared = ((grey - vgg16_imagenet.GREY_CENTRE) / vgg16_imagenet.GREY_SPREAD).expand(-1, 3, -1, -1)
    expected = torch.conv2d(keras, torch.from_numpy(weight.copy()), torch.from_numpy(bias.copy()))
    ours = torch.conv2d(prepared, *(torch.from_numpy(np.asarray(v, np.float32)) for v in vgg16_imagenet.to_prepared_grey(weight, bias)))
    assert torch.allclose(expected, ours, atol=1e-2, rtol=1e-4)


def test_evening_makes_each_mean_activation_one():
    torch.manual_seed(0)
    encoder = Encoder(normalise=False)
    slices = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        for convolution in encoder.vgg16_convolutions():
            convolution.bias.normal_()
        before = encoder(slices)
    vgg16_imagenet.even_activations(encoder, slices)
    with torch.no_grad():
        x = slices
        for number, block in enumerate(encoder.blocks):
            x = torch.max_pool2d(x, 2) if number else x
            for convolution in block:
                x = convolution(x)
                assert abs(float(x.mean()) - 1) < 1e-4
        after = encoder(slices)
    for old, new in zip(before[:4], after[:4]):
        # The same function up to one factor.
        assert torch.allclose(old / old.mean(), new / new.mean(), atol=1e-3)
