"""Write docs/benchmarks.md, docs/images/minutes.svg and the table in README from the records in benchmarks/results.

python benchmarks/page.py
"""

from __future__ import annotations

import argparse
from typing import Any

import calibration_section
import cost_section
import explanation_section
import int8_section
import litert_section
import own_faces_section
import speed_section
import speedruns_section
import step_section
import suspects_section
import web_section
from layout import RESULTS, ROOT, name_of_model, number, record, share, table, with_part

from mien.recognizer import DEFAULT_MODEL

PAGE = ROOT / "docs" / "benchmarks.md"
README = ROOT / "README.md"
SECTIONS = {
    "speedruns": speedruns_section.section,
    "training_speed": speed_section.section,
    "training_cost": cost_section.section,
    "model_cost": int8_section.section,
    "litert": litert_section.section,
    "step_cost": step_section.section,
    "step_memory": step_section.memory,
    "depthwise_cost": step_section.depthwise,
    "own_faces": own_faces_section.section,
    "calibration": calibration_section.section,
    "suspects": suspects_section.section,
    "explanations": explanation_section.section,
    "web_page": web_section.section,
}
"""Record -> the function that writes its section; missing records are skipped."""


class Rivals:
    """The comparison with other packages.

    Attributes:
        shown: the material that all packages were given.
        figures: by package.
        ran: figures of the packages that ran.
        cores: number of cores used, in words.
    """

    def __init__(self, rivals: dict[str, Any]) -> None:
        self.shown, self.figures = rivals["shown"], rivals["contenders"]
        self.cores = list(self.figures["mien"]["photos"])
        self.ran = {
            name: one for name, one in self.figures.items() if "did_not_run" not in one["photos"][self.cores[0]]
        }

    def photos(self) -> str:
        """Photos a second and faces found."""
        head = ["package", *(f"photos/s, {cores}" for cores in self.cores), "photos per processor second"]
        rows = []
        for name, one in self.ran.items():
            at = one["photos"][self.cores[0]]
            found = f"{at['faces_found']} of {self.shown['faces']}"
            rows.append([name, *self._rates(one["photos"]), found, at["false_boxes"]])
        return table([*head, "faces found", "false boxes"], rows)

    def camera(self) -> str:
        """Frames a second."""
        head = ["package", *(f"frames/s, {cores}" for cores in self.cores), "frames per processor second"]
        return table(head, [[name, *self._rates(one["video"])] for name, one in self.ran.items()])

    def classifier(self) -> str:
        """Faces a second."""
        head, rows = ["package"], [[name] for name in self.ran]
        for batch in ("batch 1", "batch 64"):
            head += [*(f"{batch}, {cores}" for cores in self.cores), f"{batch}, per processor second"]
            for row, one in zip(rows, self.ran.values(), strict=True):
                row += self._rates({cores: one["faces"][cores][batch] for cores in self.cores})
        return table(head, rows)

    def start(self) -> str:
        """Cold start, memory, size."""
        head = ["package", *(f"first answer, s, {cores}" for cores in self.cores), "processor seconds for it"]
        rows = []
        for name, one in self.ran.items():
            seconds = [one["first"][cores]["seconds"] for cores in self.cores]
            seconds.append(one["first"][self.cores[0]]["cpu_seconds"])
            rows.append([name, *map(number, seconds), number(_peak_mb(one)), number(one["installed_mb"])])
        return table([*head, "peak memory, MB", "installed, MB"], rows)

    def did_not_run(self) -> str:
        """The error messages of the packages that did not run."""
        lines = []
        for name, one in self.figures.items():
            if name in self.ran:
                continue
            said = one["photos"][self.cores[0]]["did_not_run"]
            said = said.encode("ascii", "ignore").decode().strip()
            lines.append(
                f"* {name}, {one['installed_mb']:,.0f} MB without its weights, downloads parts of itself on first use, "
                f"which was not possible on this machine: `{said}`"
            )
        return "\n".join(lines)

    def aims(self) -> str:
        """The aims, the measured figures, and whether they meet the aims."""
        mien = self.figures["mien"]
        rows = [self._photos_aim(cores) for cores in self.cores]
        frames, first = mien["video"]["one core"], mien["first"]["one core"]
        said = f"{number(frames['per_cpu_second'])} ({number(frames['per_second'])} by the clock)"
        rows.append(["30 frames/s of 640 x 480 px on one core", said, frames["per_cpu_second"] >= 30])
        said = f"{number(first['cpu_seconds'])} s ({number(first['seconds'])} s by the clock)"
        rows.append(["first answer of a fresh process within 1 s", said, first["cpu_seconds"] < 1])
        rows.append(["peak memory below 300 MB", f"{_peak_mb(mien):.0f} MB", _peak_mb(mien) < 300])
        for name, one in self.ran.items():
            if name != "mien":
                sizes = mien["installed_mb"], one["installed_mb"]
                rows.append(
                    [
                        f"installed size below that of {name}",
                        f"{sizes[0]:,.0f} against {sizes[1]:,.0f} MB",
                        sizes[0] < sizes[1],
                    ]
                )
        return table(["aim", "measured", "met"], [[aim, said, "yes" if met else "**no**"] for aim, said, met in rows])

    def _rates(self, by_cores: dict[str, Any]) -> list[str]:
        return [
            *(number(by_cores[cores]["per_second"]) for cores in self.cores),
            number(by_cores[self.cores[0]]["per_cpu_second"]),
        ]

    def _photos_aim(self, cores: str) -> list[Any]:
        """mien's speed relative to the fastest rival that finds as many faces, or else comes nearest to it."""
        photos = {name: one["photos"][cores] for name, one in self.ran.items()}
        mien = photos.pop("mien")
        most = max(one["faces_found"] for one in photos.values())
        enough = {name for name, one in photos.items() if one["faces_found"] >= min(most, mien["faces_found"])}
        unit = "per_cpu_second" if cores == "one core" else "per_second"
        rival = max(enough, key=lambda name: photos[name][unit])
        by_clock = mien["per_second"] / photos[rival]["per_second"]
        times = mien[unit] / photos[rival][unit]
        said = (
            f"{times:.1f} times {rival} ({by_clock:.1f} by the clock), which finds {photos[rival]['faces_found']} faces"
        )
        aim = f"photos/s, {cores}: three times the fastest rival that finds as many faces ({mien['faces_found']})"
        return [aim, said, times >= 3]


def in_short(rivals: Rivals, named: dict[str, Any]) -> str:
    """Return the table of README, one line for each package that ran."""
    networks = {"mien": DEFAULT_MODEL} | {name: name.split()[0] for name in rivals.ran if name != "mien"}
    rows = []
    for name, one in rivals.ran.items():
        photos, first = one["photos"]["one core"], one["first"]["one core"]
        right = share(named["packages"][networks[name]]["full"], "accuracy")
        found = f"{photos['faces_found']} of {rivals.shown['faces']}"
        rows.append([name, right, number(photos["per_second"]), found, photos["false_boxes"]])
        rows[-1] += [number(first["seconds"]), number(one["installed_mb"])]
    head = ["package", "accuracy on PublicTest (95 %)", "photos/s, one core", "faces found", "false boxes"]
    return table([*head, "start to first answer, s", "installed, MB"], rows)


def readme() -> str:
    """Return README with its table updated."""
    return with_part(README, "page.py", in_short(Rivals(record("rivals")), record("rivals_accuracy")))


def _peak_mb(one: dict[str, Any]) -> float:
    """The peak memory over photos and video."""
    return float(max(figures["peak_mb"] for task in ("photos", "video") for figures in one[task].values()))


def accuracy(named: dict[str, Any]) -> str:
    """The accuracies of the networks of all packages."""
    ours = {name: name_of_model(name, sha256, named["commit"]) for name, sha256 in named["sha256"].items()}
    packages = {ours.get(name, name): one for name, one in named["packages"].items()}
    rows = []
    for name, one in packages.items():
        shares = [share(one[part], "accuracy") for part in ("full", "twin_free")]
        to = one["to_default"]
        less = f"{100 * to['difference']:+.1f} ({100 * to['low']:+.1f} to {100 * to['high']:+.1f})"
        rows.append([name, *shares, less if to["difference"] else "–"])
    first = next(iter(packages))
    return table(["network", "accuracy (95 %)", "twin-free (95 %)", f"difference from {first} (95 %)"], rows)


def reading(csv: dict[str, Any]) -> str:
    """Time and memory of reading FER2013's CSV."""
    rows = [
        [name, one["seconds"], one["cpu_seconds"], number(one["peak_mb"])]
        for name, one in csv["best_by_cpu_seconds"].items()
    ]
    return table(["reader", "seconds", "processor seconds", "peak memory, MB"], rows)


def page() -> str:
    """Return the whole page."""
    beside, csv, memory, install = (record(name) for name in ("rivals", "read_csv", "video_memory", "install_size"))
    rivals = Rivals(beside)
    videos = [[one["minutes"], one["frames"], one["peak_rss_mb"]] for one in memory["videos"]]
    parts = {"photos": rivals.photos(), "camera": rivals.camera(), "classifier": rivals.classifier()}
    parts |= {"start": rivals.start(), "did_not_run": rivals.did_not_run(), "aims": rivals.aims()}
    named = record("rivals_accuracy")
    parts |= {"accuracy": accuracy(named), "accuracy_n": named["packages"]["fer"]["full"]["n"]}
    parts |= {"reading": reading(csv), "memory": table(["minutes", "frames", "peak memory, MB"], videos)}
    import_ms = 1000 * install["import_mien_cpu_s"]["median"]
    page_text = PAGE_TEXT.format(
        **parts,
        cores=", then on ".join(rivals.cores),
        beside=beside,
        csv=csv,
        video=memory,
        install=install,
        import_ms=import_ms,
    )
    measured = [name for name in SECTIONS if (RESULTS / f"{name}.json").is_file()]
    return "\n".join([page_text, *(SECTIONS[name](record(name)) for name in measured)])


PAGE_TEXT = """# Benchmarks

<!-- Written by `python benchmarks/page.py` from the records in benchmarks/results. -->

Every figure comes from a record in `benchmarks/results/`, written by the script of the same name unless another is
named. Figures differ on other machines; ratios carry over better.

## Beside other packages

`benchmarks/rivals` makes this table in one run; its `__main__.py` says how to repeat it. All packages read the same
{beside[shown][photos]} photos, which packages on PyPI and npm ship and whose faces were marked by hand, and
{beside[shown][grids]} grids of twelve of these faces or their mirror images at a height of 80 px:
{beside[shown][faces]} faces in all. Machine: {beside[machine]}; each package ran first on {cores}. The figures are
medians of {beside[rounds]} rounds in which the packages take turns. The first round fills the disk cache and does not
count for the time to the first answer. Other programs used the same processors (load average
{beside[load_average][0]} at the start, {beside[load_average][1]} at the end), which can lower figures by the clock;
those *per processor second* are hardly affected.

{aims}

### Photos

From photo files to boxes and expressions, after a first photo to warm up. A face counts as found if a box of about
its size contains its centre. Any other box is false, including a second one around the same face. Consider speed and
faces found together: a package that shrinks photos first is fast, but finds only large faces.

{photos}

### Camera

640 x 480 px with one face; every frame is decoded and analysed. mien also tracks the faces, smooths their
probabilities over time and looks for cuts. Human, by default, reuses results while the picture hardly changes.

{camera}

### Classifier alone

From scaled faces to probabilities, in faces a second. fer and Human run the same small network, mini-XCEPTION of
2017; mien's is larger. fer gives its network one face at a time.

{classifier}

### Accuracy

Accuracy of the networks alone on the {accuracy_n:,} faces of FER2013's PublicTest, by
`benchmarks/rivals/accuracy.py`. All were trained on FER2013, mien's only on Training. These faces influenced which of
mien's trainings were tried and which ship ([protocol](protocol.md#choice)), which favours mien a little; the others
do not say whether their networks were trained on these very faces. facial-emotion-recognition 0.3.4 is measured only
here.

{accuracy}

### Start, memory, size

Time from the start of the process to the first answer, with warm disk caches; peak memory of all its processes
together, over photos and video; size of what pip or npm installs, without Python, pip and Node, but with setuptools
(8 MB), which a new environment of Python 3.11 holds. fer is installed as pip resolves it on Linux, with TensorFlow and
torch for CUDA; smaller builds of both exist.

{start}

### What did not run

{did_not_run}
* Human's faster backend, tfjs-node, downloads a library during installation, which failed here. Human ran on
  WebAssembly with SIMD, which has one thread in Node.
* EmotiEffLib 1.1.1, HSEmotion 0.3.0, LibreFace 0.2.0, py-feat 2.1.5 and rmn 3.3.0 download the weights of their
  expression networks on first use, which was not possible on this machine.

## Reading FER2013

`fer2013.csv` as users have it, but without PrivateTest: 32,298 faces, {csv[file_mb]:.0f} MB, read into the same array
({csv[machine]}, best of {csv[repeats]}):

{reading}

## Memory on long videos

{video[measured]} ({video[machine]}):

{memory}

## Installing

`pip install .` without extras installs {install[packages]} packages, mien included, of {install[installed_mb]:.0f} MB
in total, without torch. `import mien` takes {import_ms:.0f} ms of processor time.
"""


def main() -> None:
    """Write the page, the table and the picture."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    PAGE.write_text(page(), encoding="utf-8")
    README.write_text(readme(), encoding="utf-8")
    if (RESULTS / "speedruns.json").is_file():
        speedruns_section.draw(record("speedruns"))


if __name__ == "__main__":
    main()
