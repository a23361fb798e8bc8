"""The section of docs/benchmarks.md that compares training speed with other trainers."""

from __future__ import annotations

from typing import Any

from layout import number, table

SMALL = 1_000_000  # parameters: the aims are about smaller networks
AIMS = {"cpu": 3, "cuda": 20}
"""Target speed relative to the fastest rival, by device."""


def section(measured: dict[str, Any]) -> str:
    """Lay out a record of benchmarks/rivals/training_speed.py."""
    faces = measured["faces"]
    told = {"part": faces["speed"], "whole": faces["accuracy"], "network": next(iter(measured["networks"]))}
    told |= {"versions": ", ".join(f"{name} {version}" for name, version in measured["packages"].items())}
    tables = [
        f"**{name}**, {network['parameters']:,} parameters:\n\n{speeds(network['speed'])}{aims(network)}"
        for name, network in measured["networks"].items()
    ]
    text = {"speeds": "\n\n".join(tables), "times": times(measured["to_accuracy"])}
    return SECTION.format(**measured, **told, **text)


def speeds(by_cores: dict[str, Any]) -> str:
    """Images per second, and mien's speed relative to each; everything else is from the first column."""
    first = next(iter(by_cores.values()))
    head, rows = ["trainer", "computes on, in"], {name: [name, one["computes"]] for name, one in first.items()}
    for cores, by_name in by_cores.items():
        head += [f"images/s, {cores}", "mien is faster"]
        for name, row in rows.items():
            speed = by_name[name]["per_second"]
            row += [number(speed), f"{by_name['mien']['per_second'] / speed:.1f} times"]
    for name, row in rows.items():
        row += [number(first[name][figure]) for figure in ("per_cpu_second", "start_s", "memory_mb")]
    return table([*head, "images per processor second", "start, s", "memory, MB"], rows.values())


def aims(network: dict[str, Any]) -> str:
    """Say for a small network whether mien reaches its aim of speed relative to all rivals."""
    if network["parameters"] >= SMALL:
        return ""
    lines = []
    for cores, by_name in network["speed"].items():
        speed = {name: one["per_second"] for name, one in by_name.items()}
        rival = max((name for name in speed if not name.startswith("mien")), key=speed.__getitem__)
        faster, aim = speed["mien"] / speed[rival], AIMS[by_name["mien"]["computes"].split(",")[0]]
        met = "met" if faster >= aim else "**missed**"
        lines.append(f"* {cores}: {faster:.1f} times {rival}, the fastest rival; the aim of {aim} times is {met}.")
    return "\n\n" + "\n".join(lines)


def times(by_name: dict[str, Any]) -> str:
    """Seconds to the target accuracy."""
    rows, mien_s = [], by_name["mien"]["seconds"]
    for name, one in by_name.items():
        epochs, seconds = one["epochs"], one["seconds"]
        took = f"{seconds:.0f}" if seconds else f"more than {epochs[-1][0]:.0f}"
        beside = f"{seconds / mien_s:.1f} times" if seconds and mien_s else ""
        rows.append([name, took, beside, len(epochs), f"{max(accuracy for _, accuracy in epochs):.1%}"])
    return table(["trainer", "seconds", "relative to mien", "epochs", "best accuracy"], rows)


SECTION = """## Training beside other trainers

`benchmarks/rivals/training_speed.py` makes these tables in one run of the programs in `benchmarks/rivals/trainers`:
mien's training loop; PyTorch as most people write it, with torchvision's ImageFolder, transforms on PIL images and a
DataLoader; Keras' `fit` with augmentation layers and faces in memory. All train the same network on the same faces of
FER2013, with the same batch size, the same kinds of augmentation (rotation, shift, zoom, flip, brightness, contrast)
and SGD at the same learning rate. mien computes in bfloat16 if the device has it; its row in float32 shows what the
loop alone gains. {versions}; {machine}; medians of {rounds} rounds in which all take turns; load average
{load_average[0]} at the start and {load_average[1]} at the end.

Images/s are for training alone, after a first epoch of {part[training]:,} faces. *Start* is the extra time of the
first epoch, including imports, reading and compilation. *Memory* is the peak of the process plus the private memory
of its workers. These two, and the images per processor second, belong to the first column of speeds.

{speeds}

Seconds from the start of the process until {network} first reaches {accuracy:.0%} at the end of an epoch, on
{whole[held_out]:,} held-out faces, trained on {whole[training]:,} faces, with all cores, one training each:

{times}
"""
