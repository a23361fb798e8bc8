import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from mien.lab.augment import affine_matrix, augment_faces, draw_blend
from mien.lab.recipe import Augment, NoAugment

STRONG = Augment(
    rotate_deg=40, shift_fraction=0.2, shear_deg=10, zoom_fraction=0.2, zoom_per_axis=True, flip=True,
    brightness=0.3, contrast=0.5, erase_rate=0.5, crop_scale=(0.8, 1.2),
)  # fmt: skip


def faces(n=4, side=48, seed=0):
    return torch.rand((n, 1, side, side), generator=torch.Generator().manual_seed(seed))


def seeded(seed=1):
    return torch.Generator().manual_seed(seed)


def changed(*args):
    return augment_faces(*args)[0]


@given(fill=st.sampled_from(["nearest", "reflect", "zero"]), side=st.integers(8, 60), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_zero_strength_is_the_identity(fill, side, seed):
    x = faces(side=side, seed=seed)
    assert torch.equal(changed(x, Augment(fill=fill), side, seeded()), x)
    assert torch.equal(changed(x, NoAugment(), side, seeded()), x)


@given(seed=st.integers(0, 999))
@settings(max_examples=20, deadline=None)
def test_strong_changes_keep_shape_and_range_and_follow_the_seed(seed):
    x = faces(seed=seed)
    y = changed(x, STRONG, 48, seeded(seed))
    assert y.shape == x.shape
    assert y.min() >= 0 and y.max() <= 1
    assert torch.equal(y, changed(x, STRONG, 48, seeded(seed)))
    assert not torch.equal(y, changed(x, STRONG, 48, seeded(seed + 1)))


def test_a_part_of_the_batch_sees_what_the_whole_would():
    x = faces(8)
    whole = changed(x, STRONG, 48, seeded())
    parts = [changed(x[p], STRONG, 48, seeded(), p, 8) for p in (slice(0, 4), slice(4, 8))]
    torch.testing.assert_close(torch.cat(parts), whole, atol=1e-6, rtol=0)


@pytest.mark.parametrize("fill", ["nearest", "reflect", "zero"])
def test_a_new_size_alone_equals_torchs_resize(fill):
    x = faces(side=24)
    larger = changed(x, Augment(flip=False, fill=fill), 48, seeded())
    torch.testing.assert_close(
        larger, F.interpolate(x, size=(48, 48), mode="bilinear", align_corners=False), atol=1e-5, rtol=0
    )


def test_brightness_is_added_up_to_its_strength_both_ways():
    for grey, low, high in ((0.5, 0.3, 0.7), (0.9, 0.7, 1.0), (0.1, 0.0, 0.3)):  # not beyond black and white
        x = torch.full((400, 1, 8, 8), grey)
        y = changed(x, Augment(flip=False, brightness=0.2), 8, seeded())
        assert (y.flatten(1).std(1) < 1e-6).all()
        assert y.min() == pytest.approx(low, abs=0.01) and y.max() == pytest.approx(high, abs=0.01)
        assert low <= y.min() + 1e-6 and y.max() - 1e-6 <= high


def test_contrast_is_multiplied_around_the_mean_of_a_face():
    x = torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1).expand(400, 3, 8, 8) - 0.1 * (torch.arange(400) % 2).view(
        -1, 1, 1, 1
    )
    y = changed(x, Augment(flip=False, contrast=0.5), 8, seeded())
    factors = ((y[:, 2] - y[:, 0]) / 0.2).mean((1, 2))
    assert factors.min() == pytest.approx(0.5, abs=0.02) and factors.max() == pytest.approx(1.5, abs=0.02)
    torch.testing.assert_close(y[:, 1], x[:, 1])  # the middle plane is each face's mean


def test_flip_mirrors_about_half_of_the_faces():
    x = faces(200)
    y = changed(x, Augment(flip=True), 48, seeded())
    mirrored = [torch.allclose(b, a.flip(-1), atol=1e-4) for a, b in zip(x, y, strict=True)]
    same = [torch.allclose(b, a, atol=1e-4) for a, b in zip(x, y, strict=True)]
    assert all(a != b for a, b in zip(mirrored, same, strict=True))
    assert 70 < sum(mirrored) < 130


def test_what_lies_beyond_any_side_is_zero_if_asked():
    y = changed(torch.ones(100, 1, 48, 48), Augment(flip=False, shift_fraction=0.3, fill="zero"), 48, seeded())[:, 0]
    seen = y > 0
    rows, columns = seen.any(2), seen.any(1)
    assert torch.equal(seen, rows[:, :, None] & columns[:, None, :])  # a rectangle
    for side in (rows[:, 0], rows[:, -1], columns[:, 0], columns[:, -1]):
        assert 25 < side.sum() < 75


@pytest.mark.parametrize("fill", ["nearest", "reflect"])
def test_what_lies_beyond_the_border_repeats_the_edge_or_mirrors_the_face(fill):
    ramp = ((torch.arange(48) + 0.5) / 48).expand(100, 1, 48, 48)
    y = changed(ramp, Augment(flip=False, shift_fraction=0.25, fill=fill), 48, seeded())
    place = ramp + (y - ramp)[..., 24:25, 24:25]  # each row, as it would go on
    mirrored = torch.minimum(place.abs(), 2 - place)
    expected = place.clamp(0.5 / 48, 47.5 / 48) if fill == "nearest" else mirrored
    torch.testing.assert_close(y, expected, atol=0.6 / 48, rtol=0)  # the turn itself is cut off
    assert (place < 0).any() and (place > 1).any()


@pytest.mark.parametrize(
    "alone",
    [
        *({"rotate_deg": 20}, {"shift_fraction": 0.2}, {"shear_deg": 20}),
        *({"zoom_fraction": 0.2}, {"crop_scale": (0.5, 0.8)}, {"flip": True}),
    ],
)
def test_each_change_of_place_is_made_where_it_is_the_only_one(alone):
    x = faces(8)
    assert not torch.equal(changed(x, Augment(**({"flip": False} | alone)), 48, seeded()), x)


def test_rotation_turns_by_the_angle_drawn():
    # a horizontal line stays within the angle's bound: its right end rises or falls by at most tan(30 deg)
    x = torch.zeros(64, 1, 48, 48)
    x[:, :, 23:25] = 1
    y = changed(x, Augment(rotate_deg=30), 48, seeded())
    ends = y[:, 0, :, 44].argmax(1).float() - 23.5
    assert 5 < ends.abs().max() <= np.tan(np.deg2rad(30)) * 21 + 1
    assert ends.min() < 0 < ends.max()


def at_the_ends(low, high):
    return torch.tensor([low, high])


@pytest.mark.parametrize(
    ("augment", "lowest", "highest"),
    [
        ({"zoom_fraction": 0.2}, [[0.8, 0, 0], [0, 0.8, 0]], [[1.2, 0, 0], [0, 1.2, 0]]),
        ({"zoom_fraction": 0.2, "zoom_per_axis": True}, [[0.8, 0, 0], [0, 0.8, 0]], [[1.2, 0, 0], [0, 1.2, 0]]),
        ({"shift_fraction": 0.1}, [[1, 0, -0.2], [0, 1, -0.2]], [[1, 0, 0.2], [0, 1, 0.2]]),
        ({"crop_scale": (0.5, 0.8)}, [[0.5, 0, -0.5], [0, 0.5, -0.5]], [[0.8, 0, 0.2], [0, 0.8, 0.2]]),
        ({"flip": True}, [[-1, 0, 0], [0, 1, 0]], [[1, 0, 0], [0, 1, 0]]),
        # a shear by 30 degrees is [[1, -1 / 2], [0, sqrt(3) / 2]], a turn by 90 of it [[0, -1], [1, 0]] @ that
        ({"shear_deg": 30}, [[1, 0.5, 0], [0, 0.75**0.5, 0]], [[1, -0.5, 0], [0, 0.75**0.5, 0]]),
        ({"rotate_deg": 90, "shear_deg": 30}, [[0, 0.75**0.5, 0], [-1, -0.5, 0]], [[0, -(0.75**0.5), 0], [1, -0.5, 0]]),
    ],
)
def test_the_map_at_the_ends_of_its_draws(augment, lowest, highest):
    found = affine_matrix(Augment(**({"flip": False} | augment)), at_the_ends)
    torch.testing.assert_close(found, torch.tensor([lowest, highest], dtype=torch.float32), atol=1e-6, rtol=0)


def test_zoom_is_alike_on_both_axes_unless_it_is_drawn_for_each():
    draw = seeded()

    def uniform(low, high):
        return torch.rand(100, generator=draw) * (high - low) + low

    for per_axis in (False, True):
        found = affine_matrix(Augment(flip=False, zoom_fraction=0.2, zoom_per_axis=per_axis), uniform)
        assert (found[:, 0, 0] != found[:, 1, 1]).all() == per_axis


def test_erasing_hides_a_rectangle_in_the_stated_share_of_faces():
    x = torch.full((400, 1, 48, 48), 2.0)  # noise is in [0, 1], so that it cannot be mistaken
    y = changed(x, Augment(erase_rate=0.25, erase_area=(0.1, 0.2)), 48, seeded())
    hidden = (y < 2).float().mean((1, 2, 3))
    touched = hidden[hidden > 0]
    assert 70 < len(touched) < 130
    assert touched.min() > 0.06 and touched.max() < 0.25
    noise = y[y < 2]
    assert noise.mean() == pytest.approx(0.5, abs=0.01) and noise.std() == pytest.approx(12**-0.5, abs=0.01)


def test_erased_rectangles_have_any_shape_and_lie_anywhere():
    x = torch.full((1000, 1, 96, 96), 2.0)
    hidden = changed(x, Augment(flip=False, erase_rate=1.0, erase_area=(0.1, 0.1)), 96, seeded())[:, 0] < 2
    height, width = hidden.any(2).sum(1), hidden.any(1).sum(1)
    assert (height * width / 96**2 - 0.1).abs().max() < 0.015
    shape = (height / width).log()  # uniform between those of 0.3 and 1 / 0.3
    assert shape.min() == pytest.approx(np.log(0.3), abs=0.15) and shape.max() == pytest.approx(-np.log(0.3), abs=0.15)
    assert shape.abs().mean() == pytest.approx(-np.log(0.3) / 2, abs=0.05) and shape.mean().abs() < 0.1
    top, left = (hidden.any(axis).int().argmax(1) for axis in (2, 1))
    places = torch.stack([top / (96 - height), left / (96 - width)])  # uniform from 0 to 1
    assert (places.mean(1) - 0.5).abs().max() < 0.05 and (places.std(1) - 12**-0.5).abs().max() < 0.03
    assert torch.corrcoef(places)[0, 1].abs() < 0.1


def test_each_side_of_the_range_is_drawn_for_softening():
    x, drawn = faces(2), []
    ways = [F.interpolate(x, size=(small, small), mode="bilinear", antialias=True) for small in (12, 13, 14)]
    ways = [F.interpolate(small, size=(48, 48), mode="bilinear") for small in ways]
    for seed in range(40):
        soft = changed(x, Augment(flip=False, soften_rate=1.0, soften_px=(12, 14)), 48, seeded(seed))
        drawn += [place for place, way in enumerate(ways) if torch.allclose(soft, way, atol=1e-5)]
    assert len(drawn) == 40 and set(drawn) == {0, 1, 2}


def blended(x, targets, augment, seed):
    blend = draw_blend(augment, x.shape[-1], np.random.default_rng(seed))
    return blend.faces(x), blend.targets(targets)


def test_mixup_blends_neighbours_and_their_targets():
    x, targets = faces(4), torch.eye(7)[:4]
    y, mixed = blended(x, targets, Augment(mixup_alpha=1.0), seed=0)
    share = mixed[0, 0]
    assert 0 < share < 1
    torch.testing.assert_close(mixed.sum(1), torch.ones(4))
    torch.testing.assert_close(y[1], share * x[1] + (1 - share) * x[0])
    assert mixed[1, 0] == pytest.approx(1 - float(share))


def test_cutmix_weighs_targets_by_the_area_that_is_left():
    x, targets = torch.arange(4.0).view(4, 1, 1, 1).expand(4, 1, 48, 48), torch.eye(7)[:4]
    y, mixed = blended(x, targets, Augment(cutmix_alpha=1.0), seed=3)
    assert (y[1] == 0).float().mean() == pytest.approx(float(mixed[1, 0]))
    assert 0 < mixed[1, 0] < 1


def test_cutmix_puts_the_same_place_of_the_neighbour_anywhere():
    x, at_an_end = faces(4), []
    for seed in range(100):
        blend = draw_blend(Augment(cutmix_alpha=1.0), 48, np.random.default_rng(seed))
        top, left, side = blend.square
        inside = torch.zeros(48, 48, dtype=torch.bool)
        inside[top : top + side, left : left + side] = True
        assert torch.equal(blend.faces(x), torch.where(inside, x.roll(1, 0), x))
        if 0 < side < 48:
            at_an_end.append([top == 0, left == 0, top + side == 48, left + side == 48])
    assert all(any(ends) for ends in zip(*at_an_end, strict=True))


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
@pytest.mark.parametrize("kind", ["mixup_alpha", "cutmix_alpha"])
def test_the_share_that_is_kept_has_a_beta_distribution(kind, alpha):
    augment = Augment(**{kind: alpha})
    shares = np.array([draw_blend(augment, 48, np.random.default_rng(seed)).share for seed in range(2000)])
    assert shares.mean() == pytest.approx(0.5, abs=0.03)
    assert shares.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.1)


def test_each_way_of_mixing_has_half_of_the_batches_where_both_are_asked_for():
    for augment, cut in ((Augment(mixup_alpha=1.0), 0), (Augment(cutmix_alpha=1.0), 400)):
        assert (
            sum(draw_blend(augment, 48, np.random.default_rng(seed)).square is not None for seed in range(400)) == cut
        )
    both = [draw_blend(Augment(mixup_alpha=1.0, cutmix_alpha=1.0), 48, np.random.default_rng(n)) for n in range(400)]
    assert 160 < sum(blend.square is not None for blend in both) < 240
    assert all(blend.share < 1 or blend.square is not None for blend in both)


@pytest.mark.parametrize("augment", [NoAugment(), Augment(), Augment(mixup_alpha=1.0, mix_rate=0.0)])
def test_nothing_is_mixed_unless_asked(augment):
    x, targets = faces(4), torch.eye(7)[:4]
    y, same = blended(x, targets, augment, seed=0)
    assert y is x and same is targets


def test_what_was_not_damaged_is_given_too():
    x = faces(64)
    strengths = {"rotate_deg": 20.0, "contrast": 0.5}
    damaged, before = augment_faces(x, Augment(**strengths, soften_rate=0.5, noise=0.1, erase_rate=0.5), 48, seeded())
    moved, same = augment_faces(x, Augment(**strengths), 48, seeded())
    assert moved is same
    assert torch.equal(before, moved)
    assert (damaged != before).flatten(1).any(1).all()  # noise is on every face


def test_softened_faces_lose_detail_and_keep_their_mean() -> None:
    x = faces(64)
    y = changed(x, Augment(soften_rate=0.5, soften_px=(12, 12)), 48, seeded())
    soft = (y != x).flatten(1).any(1)
    assert 16 < int(soft.sum()) < 48
    assert (y[soft].flatten(1).std(1) < 0.5 * x[soft].flatten(1).std(1)).all()
    assert (y.mean((1, 2, 3)) - x.mean((1, 2, 3))).abs().max() < 0.01


@pytest.mark.parametrize(("face_px", "small_px"), [(48, 12), (48, 31), (64, 40), (48, 48)])
def test_softened_faces_are_shrunk_and_enlarged_again(face_px: int, small_px: int) -> None:
    x = faces(8, face_px)
    soft = changed(x, Augment(soften_rate=1.0, soften_px=(small_px, small_px)), face_px, seeded())
    small = F.interpolate(x, size=(small_px, small_px), mode="bilinear", antialias=True)
    torch.testing.assert_close(soft, F.interpolate(small, size=(face_px, face_px), mode="bilinear"))


def test_noise_is_of_the_stated_strength_at_most() -> None:
    grey = torch.full((512, 1, 48, 48), 0.5)
    deviations = changed(grey, Augment(noise=0.1), 48, seeded()).flatten(1).std(1)
    assert deviations.max() < 0.105
    assert abs(deviations.mean() - 0.05) < 0.005  # uniform from 0 to 0.1


def test_noise_goes_not_beyond_black_and_white() -> None:
    x = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, 1, 48, 48)
    noisy = changed(x, Augment(noise=0.5), 48, seeded())
    assert (noisy.min(), noisy.max()) == (0, 1)
