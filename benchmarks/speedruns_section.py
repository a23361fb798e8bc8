"""The section of docs/benchmarks.md on accuracy after minutes of training, and its picture."""

from __future__ import annotations

from collections import defaultdict
from statistics import mean
from typing import Any

from layout import ROOT, table

from mien.lab.recipe_book import SPEEDRUNS
from mien.lab.statistics import wilson_interval
from mien.lab.tables import percent, with_interval

PICTURE = ROOT / "docs" / "images" / "minutes.svg"
MARKERS = "osD^v"


def section(devices: dict[str, Any]) -> str:
    """Lay out a record of benchmarks/speedruns.py."""
    text = [
        f"**{device}** ({one['n']:,} faces, {one['n_twin_free']:,} of them twin-free; {one['warm_up_s']:.0f} s to load "
        f"and warm up, not counted):\n\n{results(one)}"
        for device, one in devices.items()
    ]
    return SECTION.format(devices="\n\n".join(text))


def results(device: dict[str, Any]) -> str:
    """One line a training, of all its seeds."""
    head = ["training", "epochs", "minutes", "accuracy", "with mirror image (95 %)", "twin-free, with mirror image"]
    rows = []
    for name, runs in by_recipe(device).items():
        flip = mean(run["accuracy"]["flip"] for run in runs)
        # one training of many faces: the interval is of the faces, not of the seeds
        low, high = wilson_interval(flip * device["n"], device["n"])
        rows.append(
            [
                f"`{name}`" if name in {recipe.name for recipe in SPEEDRUNS} else runs[0]["network"],
                runs[0]["epochs"],
                f"{minutes(runs):.1f}",
                percent(mean(run["accuracy"]["none"] for run in runs)),
                with_interval(flip, low, high),
                percent(mean(run["twin_free_accuracy"]["flip"] for run in runs)),
                len(runs),
                over_seeds(runs),
            ]
        )
    return table([*head, "seeds", "range over seeds"], rows)


def over_seeds(runs: list[dict[str, Any]]) -> str:
    """Return the lowest and the highest accuracy, with mirror image, in percent."""
    each = [100 * run["accuracy"]["flip"] for run in runs]
    return f"{min(each):.1f} to {max(each):.1f}" if len(each) > 1 else "–"


def by_recipe(device: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the trainings by name, those of one network together, short ones first."""
    found = defaultdict(list)
    for run in sorted(device["runs"], key=lambda run: (run["network"], run["epochs"], run["seed"])):
        found[run["recipe"]].append(run)
    return dict(found)


def minutes(runs: list[dict[str, Any]]) -> float:
    """Return the time of the fastest seed: other programs ran beside some trainings."""
    return min(run["seconds"] for run in runs) / 60


def has_curve(device: dict[str, Any]) -> bool:
    """Whether a network was trained for different times."""
    kinds = {(run["network"], run["epochs"]) for run in device["runs"]}
    return len(kinds) > len({network for network, _ in kinds})


def draw(devices: dict[str, Any]) -> None:
    """Draw accuracy over minutes, a panel for each device on which a network was trained for different times.

    Bars are the range over the seeds.
    """
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    mpl.rcParams["svg.hashsalt"] = "minutes"  # the same record makes the same file
    devices = {device: one for device, one in devices.items() if has_curve(one)}
    figure, panels = plt.subplots(1, len(devices), squeeze=False, figsize=(6.4 * len(devices), 4), layout="constrained")
    for axes, (device, one) in zip(panels[0], devices.items(), strict=True):
        lines = defaultdict(list)
        for runs in by_recipe(one).values():
            lines[runs[0]["network"]].append((minutes(runs), [100 * run["accuracy"]["flip"] for run in runs]))
        for marker, (network, points) in zip(MARKERS, lines.items(), strict=False):
            at, each = zip(*sorted(points), strict=True)
            means = [mean(one) for one in each]
            below = [m - min(one) for m, one in zip(means, each, strict=True)]
            above = [max(one) - m for m, one in zip(means, each, strict=True)]
            axes.errorbar(at, means, [below, above], fmt=f"{marker}-", capsize=2, label=network)
        axes.set(xscale="log", xlabel="minutes of training", ylabel="PublicTest, with mirror image, %", title=device)
        axes.set_xticks([1, 3, 10, 30, 60], labels=["1", "3", "10", "30", "60"])
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(PICTURE, metadata={"Date": None})


SECTION = """## What minutes of training buy

`benchmarks/speedruns.py` trains networks of different sizes for different times on the labels of all Training faces,
without votes, teachers or starting weights: Muon, batches of 256, and mixup in trainings of 30 epochs or more.
Minutes run from the first step to the last, on as many threads as the table says, and are those of the fastest seed,
because other programs ran beside some trainings. Those of the speed recipes are still too high
([what they take on two threads](#cost-of-training)). The [log](log.md) lists what was tried.

![accuracy over minutes of training](images/minutes.svg)

{devices}
"""
