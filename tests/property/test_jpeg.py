"""JPEG on tensors beside the real thing: files that OpenCV and Pillow write and read."""

import io

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from mien.lab.augment import augment_faces
from mien.lab.data.synthetic import draw_faces
from mien.lab.jpeg import _steps, jpeg_faces
from mien.lab.recipe import Augment

AT_A_BLOCK = torch.zeros(2, dtype=torch.long)
QUALITIES = [1, 5, 10, 20, 49, 50, 51, 75, 95, 100]


@pytest.fixture(scope="module")
def faces():
    return draw_faces(2, seed=0).faces[:8]


def as_tensor(faces):
    return torch.from_numpy(faces.astype(np.float32) / 255)[:, None]


def levels(tensor):
    return (255 * tensor[:, 0]).round().numpy().astype(int)


def through_opencv(face, quality):
    done, file = cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return cv2.imdecode(file, cv2.IMREAD_GRAYSCALE)


def through_pillow(face, quality):
    file = io.BytesIO()
    Image.fromarray(face).save(file, "jpeg", quality=quality)
    return np.asarray(Image.open(file))


@pytest.mark.parametrize("write_and_read", [through_opencv, through_pillow])
@pytest.mark.parametrize("quality", QUALITIES)
def test_faces_look_as_after_a_real_file(faces, quality, write_and_read):
    ours = levels(jpeg_faces(as_tensor(faces), torch.full((len(faces),), quality), AT_A_BLOCK))
    real = np.stack([write_and_read(face, quality) for face in faces]).astype(int)
    assert (
        np.abs(ours - real).mean() < 0.5
    )  # of 255; libjpeg transforms in integers, and a coefficient may round otherwise
    lost = np.abs(real - faces.astype(int)).mean()
    assert quality > 50 or np.abs(ours - real).mean() < 0.05 * lost


def test_the_steps_are_those_of_a_real_file(faces):
    for quality in range(1, 101):
        file = io.BytesIO()
        Image.fromarray(faces[0]).save(file, "jpeg", quality=quality)
        assert _steps(torch.tensor([quality])).flatten().tolist() == list(Image.open(file).quantization[0]), quality


def test_what_is_read_again_are_whole_levels(faces):
    read = 255 * jpeg_faces(as_tensor(faces), torch.full((len(faces),), 30), AT_A_BLOCK)
    torch.testing.assert_close(read, read.round(), atol=1e-3, rtol=0)


@pytest.mark.parametrize("corner", [(0, 0), (3, 0), (0, 7), (5, 2)])
def test_blocks_begin_where_those_of_the_picture_do(faces, corner):
    top, left = corner
    ours = levels(jpeg_faces(as_tensor(faces), torch.full((len(faces),), 10), torch.tensor(corner)))
    for face, mine in zip(faces, ours, strict=True):
        picture = np.pad(face, ((top, -(top + 48) % 8), (left, -(left + 48) % 8)), mode="edge")
        real = through_opencv(picture, 10)[top : top + 48, left : left + 48].astype(int)
        assert np.abs(mine - real).mean() < 0.5


def test_each_face_has_its_own_quality(faces):
    qualities = torch.tensor([1, 10, 30, 50, 70, 90, 95, 100])
    together = jpeg_faces(as_tensor(faces), qualities, AT_A_BLOCK)
    alone = [jpeg_faces(as_tensor(faces[i : i + 1]), qualities[i : i + 1], AT_A_BLOCK) for i in range(len(faces))]
    assert torch.equal(together, torch.cat(alone))


@pytest.mark.parametrize("shape", [(2, 3, 48, 48), (2, 1, 44, 50), (1, 3, 7, 9)])
def test_any_size_and_any_number_of_planes(shape):
    faces = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    out = jpeg_faces(faces, torch.full((shape[0],), 100), torch.tensor([1, 2]))
    assert out.shape == shape
    assert (out - faces).abs().mean() < 1 / 255


def test_the_stated_share_of_faces_is_compressed(faces):
    many = as_tensor(np.concatenate([faces] * 64))
    augment = Augment(jpeg_rate=0.25, jpeg_quality=(8, 60))
    out, before = augment_faces(many, augment, 48, torch.Generator().manual_seed(0))
    touched = (out != many).flatten(1).any(1)
    assert 0.19 < touched.float().mean() < 0.31
    assert torch.equal(before, many)
    assert out.min() >= 0 and out.max() <= 1


def test_qualities_are_drawn_from_the_whole_range_and_corners_from_all(faces):
    x, qualities = as_tensor(faces), (8, 9, 10)
    corners = [torch.tensor([top, left]) for top in range(8) for left in range(8)]
    ways = torch.stack(
        [torch.stack([jpeg_faces(x, torch.full((8,), quality), corner) for quality in qualities]) for corner in corners]
    )  # (corners, qualities, N, 1, H, W)
    drawn = []
    for seed in range(12):
        augment = Augment(jpeg_rate=1.0, jpeg_quality=(8, 10))
        out, _ = augment_faces(x, augment, 48, torch.Generator().manual_seed(seed))
        alike = (ways - out).abs().flatten(3).amax(3) < 1e-4  # (corners, qualities, N)
        (corner,) = torch.nonzero(alike.any(1).all(1)).flatten().tolist()  # one for the whole batch
        drawn.append((corner, alike[corner].int().argmax(0).tolist()))
    assert len({corner // 8 for corner, _ in drawn}) > 3 and len({corner % 8 for corner, _ in drawn}) > 3
    counts = np.bincount([quality for _, each in drawn for quality in each], minlength=3)  # 96 in all
    assert counts.min() > 16 and counts.sum() == 96
