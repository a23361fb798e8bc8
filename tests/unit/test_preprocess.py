import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mien.errors import InputError
from mien.lab.nets.input import Classifier, InputLayer
from mien.preprocess import Preprocess

RGB = Preprocess(color="rgb", channels=3, mean=(0.1, 0.2, 0.3), std=(1.0, 2.0, 4.0))


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_a_crop_of_the_right_size_passes_unchanged():
    faces = noise(3, 48, 48)
    assert np.array_equal(Preprocess().stack(list(faces))[:, 0], faces)


def test_colour_becomes_grey_by_bt601_and_grey_becomes_three_equal_planes():
    red = np.zeros((48, 48, 3), np.uint8)
    red[..., 0] = 255
    assert (Preprocess().stack([red]) == 76).all()  # 0.299 * 255
    grey = noise(48, 48)
    assert np.array_equal(RGB.stack([grey])[0], np.stack([grey] * 3))


def test_shrinking_averages_and_growing_interpolates():
    checks = np.indices((96, 96)).sum(0) % 2 * np.uint8(200)
    assert (Preprocess().stack([checks.astype(np.uint8)]) == 100).all()
    tiny = Preprocess().stack([np.array([[7]], np.uint8)])
    assert tiny.shape == (1, 1, 48, 48) and (tiny == 7).all()


@pytest.mark.parametrize(
    "crop", [np.zeros((48, 48)), np.zeros((48, 48, 4), np.uint8), np.zeros((0, 4), np.uint8), np.zeros(5, np.uint8)]
)
def test_other_arrays_are_refused_by_index(crop):
    with pytest.raises(InputError, match=r"face 1: shape .* expected \(H, W\) or \(H, W, 3\) uint8, not empty"):
        Preprocess().stack([noise(5, 5), crop])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"crop_px": 0}, r"preprocess\.crop_px: found 0, expected an integer from 1"),
        ({"input_px": 48.0}, r"preprocess\.input_px: found 48\.0, expected an integer from 1"),
        ({"color": "red"}, r"preprocess\.color: found 'red', expected 'grey' or 'rgb'"),
        ({"margin_fraction": -0.1}, r"preprocess\.margin_fraction: found -0\.1, expected a number from 0"),
        ({"mean": (float("nan"),)}, r"preprocess\.mean: found \(nan,\), expected finite numbers"),
        ({"std": (0.0,)}, r"preprocess\.std: found \(0\.0,\), expected finite numbers above 0"),
        ({"std": (float("inf"),)}, r"preprocess\.std: found \(inf,\), expected finite numbers above 0"),
        ({"margin_fraction": float("inf")}, r"preprocess\.margin_fraction: found inf, expected a number from 0"),
    ],
)
def test_a_setting_out_of_range_is_named(setting, message):
    with pytest.raises(InputError, match=message):
        Preprocess(**setting)


def test_impossible_settings_are_refused():
    with pytest.raises(InputError, match="mean and std need 3 values each"):
        Preprocess(channels=3)
    for one_too_many in ({"mean": (0.0, 0.0)}, {"std": (1.0, 1.0)}):
        with pytest.raises(InputError, match="mean and std need 1 values each"):
            Preprocess(**one_too_many)
    with pytest.raises(InputError, match="grey crops cannot become 2 channels; use 1 or 3"):
        Preprocess(channels=2, mean=(0.0, 0.0), std=(1.0, 1.0))
    with pytest.raises(InputError, match="rgb crops cannot become 1 channels; use 1 or 3"):
        Preprocess(color="rgb")


def test_the_input_layer_scales_and_normalises_each_channel():
    faces = noise(2, 3, 48, 48)
    x = InputLayer(RGB)(torch.from_numpy(faces)).numpy()
    for channel, (mean, std) in enumerate(zip(RGB.mean, RGB.std, strict=True)):
        np.testing.assert_allclose(x[:, channel], (faces[:, channel] / 255 - mean) / std, atol=1e-6)


def test_the_input_layer_takes_augmented_floats_as_they_are():
    faces = torch.rand(2, 1, 48, 48)
    assert torch.equal(InputLayer(Preprocess())(faces), faces)


def test_the_input_layer_enlarges_and_repeats_grey():
    large = Preprocess(input_px=224, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)
    faces = torch.from_numpy(noise(2, 1, 48, 48))
    x = InputLayer(large)(faces)
    assert x.shape == (2, 3, 224, 224)
    expected = F.interpolate(faces / 255, size=(224, 224), mode="bilinear", align_corners=False)
    assert all(torch.equal(x[:, channel], expected[:, 0]) for channel in range(3))


def test_a_classifier_answers_in_float32_logits():
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48 * 48, 7)).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        logits = Classifier(Preprocess(), network)(torch.from_numpy(noise(2, 1, 48, 48)))
    assert logits.dtype == torch.float32 and logits.shape == (2, 7)
