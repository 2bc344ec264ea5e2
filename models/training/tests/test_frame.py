import numpy as np
import pytest
import torch

from jcs.frame import MARGIN, axis_weights, lung_frame, put_back, resample


def body(rows: int = 256, columns: int = 256, lungs: bool = True) -> torch.Tensor:
    """Air, an oval of tissue, two lungs in it, a table below."""
    y, x = np.mgrid[:rows, :columns] / (rows / 256)
    hu = np.full((rows, columns), -1000.0)
    hu[((x - 128) / 110) ** 2 + ((y - 120) / 80) ** 2 < 1] = 40
    hu[(y > 208) & (y < 214)] = -300
    if lungs:
        for centre in (80, 176):
            hu[((x - centre) / 36) ** 2 + ((y - 120) / 55) ** 2 < 1] = -850
    return torch.from_numpy(hu.astype(np.float32))[None, None]


def test_frame_spans_both_lungs_with_a_margin():
    left, top, width, height = lung_frame(body())[0].tolist()
    assert left == pytest.approx(44 - MARGIN * 168, abs=6) and left + width == pytest.approx(212 + MARGIN * 168, abs=6)
    assert 45 < top < 65 and 175 + 8 < top + height < 208


@pytest.mark.parametrize("scale", [0.5, 2])
def test_frame_scales_with_the_slice(scale):
    rows = int(256 * scale)
    torch.testing.assert_close(lung_frame(body(rows, rows)), lung_frame(body()) * scale, atol=4 * scale, rtol=0)


def test_frame_is_the_body_without_lungs_and_the_slice_without_a_body():
    left, top, width, height = lung_frame(body(lungs=False))[0].tolist()
    assert left < 20 and left + width > 236 and top < 44 and top + height > 196
    nothing = torch.full((1, 1, 60, 90), -1000.0)
    assert lung_frame(nothing)[0].tolist() == [0, 0, 90, 60]


def test_one_consolidated_lung_does_not_move_the_frame_to_the_other():
    slices = body()
    slices[..., 128:][slices[..., 128:] == -850] = 40
    left, _, width, _ = lung_frame(slices)[0].tolist()
    assert left < 20 and left + width > 236


def test_frames_of_a_batch_are_each_its_own():
    both = torch.cat([body(), body(lungs=False)])
    torch.testing.assert_close(lung_frame(both), torch.cat([lung_frame(body()), lung_frame(body(lungs=False))]))


def test_weights_average_when_shrinking_and_interpolate_when_enlarging():
    half = axis_weights(torch.tensor([0.0]), torch.tensor([8.0]), 4, 8)[0]
    assert torch.allclose(half.sum(1), torch.ones(4)) and half[1].argmax() in (2, 3)
    assert torch.allclose(half[1, 2], half[1, 3])
    same = axis_weights(torch.tensor([2.0]), torch.tensor([3.0]), 3, 8)[0]
    assert torch.equal(same, torch.eye(8)[2:5])
    outside = axis_weights(torch.tensor([-8.0]), torch.tensor([4.0]), 4, 8)[0]
    assert float(outside.abs().sum()) == 0


def test_resample_agrees_with_the_library_on_a_whole_image():
    image = torch.rand(2, 1, 40, 60)
    whole = torch.tensor([[0.0, 0.0, 60.0, 40.0]] * 2)
    expected = torch.nn.functional.interpolate(image, (16, 24), mode="bilinear", antialias=True)
    torch.testing.assert_close(resample(image, whole, (16, 24), -1.0), expected, atol=1e-4, rtol=1e-4)


def test_resample_fills_outside():
    image = torch.full((1, 1, 10, 10), 5.0)
    view = resample(image, torch.tensor([[-10.0, 0.0, 20.0, 10.0]]), (10, 20), -7.0)
    assert torch.allclose(view[..., :9], torch.tensor(-7.0)) and torch.allclose(view[..., 11:], torch.tensor(5.0))


def test_what_is_put_back_lies_where_it_was():
    image = torch.zeros(1, 1, 120, 160)
    image[..., 50:70, 90:120] = 1
    frame = torch.tensor([[40.0, 30.0, 100.0, 60.0]])
    back = put_back(resample(image, frame, (120, 200), 0.0), frame, 120, 160, (120, 160))
    assert back.shape == image.shape
    assert float((back - image).abs().mean()) < 0.005
    marked = put_back(torch.ones(1, 1, 7, 7), frame, 120, 160, (120, 160))[0, 0]
    assert torch.allclose(marked[32:88, 42:138], torch.tensor(1.0)) and float(marked[:29].abs().sum() + marked[:, 141:].abs().sum()) == 0
