"""PyTorch as most people write it; the variant is the DataLoader's `num_workers`. See ../training_speed.py."""

from __future__ import annotations

from pathlib import Path

import torch
import watch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from watch import Clock, Watch

from mien.lab.nets import NETWORKS, count_parameters
from mien.lab.nets.torchvision import make_importable
from mien.preprocess import Preprocess

make_importable()
from torchvision import transforms  # noqa: E402
from torchvision.datasets import ImageFolder  # noqa: E402

Batches = DataLoader[tuple[Tensor, Tensor]]

CHANGES = [
    transforms.RandomHorizontalFlip(),
    transforms.RandomAffine(
        watch.ROTATE_DEG,
        translate=(watch.SHIFT_FRACTION, watch.SHIFT_FRACTION),
        scale=(1 - watch.ZOOM_FRACTION, 1 + watch.ZOOM_FRACTION),
        interpolation=transforms.InterpolationMode.BILINEAR,
    ),
    transforms.ColorJitter(brightness=watch.BRIGHTNESS, contrast=watch.CONTRAST),
]


def faces_in(folder: Path, changes: list[nn.Module]) -> ImageFolder:
    """The faces of a folder of images as a dataset."""
    to_input = [transforms.ToTensor(), transforms.Normalize(watch.MEAN, watch.STD)]
    return ImageFolder(str(folder), transforms.Compose([transforms.Grayscale(), *changes, *to_input]))


def batches(faces: ImageFolder, workers: int, shuffle: bool) -> Batches:
    """The same in batches, with workers that persist across epochs."""
    return DataLoader(
        faces,
        watch.BATCH,
        shuffle=shuffle,
        num_workers=workers,
        persistent_workers=workers > 0,
        pin_memory=torch.cuda.is_available(),
    )


def train_epoch(network: nn.Module, optimizer: torch.optim.Optimizer, faces: Batches, device: str) -> float:
    """Train one epoch; return the mean loss."""
    network.train()
    total = 0.0
    for images, labels in faces:
        images, labels = images.to(device), labels.to(device)
        optimizer.zero_grad()
        loss = F.cross_entropy(network(images), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        total += loss.item()
    return total / len(faces)


@torch.no_grad()
def accuracy_of(network: nn.Module, faces: Batches, device: str) -> float:
    """Accuracy on the faces."""
    network.eval()
    right, seen = 0, 0
    for images, labels in faces:
        right += int((network(images.to(device)).argmax(1) == labels.to(device)).sum())
        seen += len(labels)
    return right / seen


def main() -> None:
    """Train until the watch ends it."""
    workers, plan = watch.arguments()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    faces = faces_in(Path(plan.folder, "train"), CHANGES)
    training = batches(faces, int(workers), shuffle=True)
    held_out = batches(faces_in(Path(plan.folder, "test"), []), int(workers), shuffle=False)
    torch.manual_seed(0)
    network = NETWORKS[plan.network](Preprocess(), len(faces.classes)).to(device)
    optimizer = torch.optim.SGD(network.parameters(), watch.LR, momentum=watch.MOMENTUM, nesterov=True)
    epochs = Watch(plan, count_parameters(network), f"{device}, float32")
    while True:
        clock = Clock()
        train_epoch(network, optimizer, training, device)
        taken = clock.read()
        epochs.note(len(faces), taken, accuracy_of(network, held_out, device))


if __name__ == "__main__":
    main()
