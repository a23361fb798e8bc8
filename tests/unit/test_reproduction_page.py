"""The generated parts of docs/reproduction.md, from records made by hand."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from evaluated_run import evaluate_as, hundred, make_run

from mien.lab import results
from mien.lab.pages.rewriting import BLOCKS
from mien.lab.recipe_book import PUBLISHED, recipes
from mien.lab.reproduction.claims import CLAIMS
from mien.lab.reproduction.picture import LINE, _spread
from mien.lab.reproduction.rows import shortened
from mien.lab.results import RECORD, add, records
from mien.labels import FER2013

PAGE = Path("docs/reproduction.md")


@pytest.fixture
def book(tmp_path, monkeypatch):
    """Keep records, and print a part of the page from them."""
    monkeypatch.setattr(results, "check_commit", lambda *_: None)

    class Book:
        def keep(self, recipe, right, seed=0, first_right=0, parameters=4_718_407, report=None, **environment):
            recipe = recipes[recipe] if isinstance(recipe, str) else recipe
            run = make_run(
                tmp_path / f"{recipe.name}-{seed}", recipe, **{"epochs_run": recipe.epochs, "seed": seed} | environment
            )
            evaluate_as(run, hundred(right, first_right=first_right, twins=10), **report or {})
            file = add(run, tmp_path / "results") / RECORD
            file.write_text(json.dumps(json.loads(file.read_text()) | {"parameters": parameters}))

        def files(self):
            return sorted((tmp_path / "results").glob(f"*/{RECORD}"))

        def part(self, name):
            return BLOCKS[name](records(tmp_path / "results"), tmp_path / "page.md")

    return Book()


def line(text, start):
    return next(line for line in text.splitlines() if line.startswith(start))


def test_without_records_everything_says_so(book):
    for name in ("reproduced", "rows"):
        assert book.part(name).count("not yet measured") == len(PUBLISHED)
    assert book.part("claims").count("Not yet measured") == len(CLAIMS) + 1  # and the twins
    assert "Not yet measured: `resnet50-flatten`, " in book.part("by-size")
    assert "not yet measured" in book.part("accuracy-against-parameters")


def test_a_whole_row_stands_beside_its_figures(book):
    book.keep("cnn8", 60)
    book.keep("cnn8", 70, seed=1)
    cells = line(book.part("reproduced"), "| [cnn8]").split(" | ")[2:]
    assert cells[:3] == ["150 of 150", "random", "PublicTest, 100 faces"]
    assert cells[3:] == ["65.00 % (55.3 to 73.6)", "2 seeds, 60.0 to 70.0", "61.11 % (50.8 to 70.5) |"]
    text = book.part("rows").partition("### cnn8")[2]
    assert "Assumed, with [reasons](recipes.md#cnn8): `network`, `preprocess.channels`, `preprocess.mean`" in text
    assert "[seed 0](results/cnn8-0/run.json), [seed 1](results/cnn8-1/run.json)" in text
    beside = line(text, "| test accuracy")
    # the mean of both seeds; the interval is that of the finite faces
    assert beside.startswith("| test accuracy, report 004, section III | PublicTest | 64.92 % | 65.00 % | +0.1 (-9.")
    assert beside.endswith("| no: the source measured on PrivateTest, here on PublicTest |")


def test_a_row_that_stopped_early_says_so(book):
    book.keep("vgg16-frozen", 60, epochs_run=37)
    book.keep("vgg16-frozen", 60, seed=1, epochs_run=41)
    assert "| 37 to 41 of 100, stopped early | timm's vgg16.tv_in1k |" in book.part("reproduced")


def test_less_than_the_row_is_never_set_beside_its_figures(book):
    book.keep(shortened(recipes["cnn8"], 5), 60)
    book.keep("resnet50-imagenet", 60, weights="other.safetensors", weights_sha256="0123456789")
    overview, rows = book.part("reproduced"), book.part("rows")
    assert "| **5 of 150** | random |" in line(overview, "| [cnn8]")
    assert "| **stand-in: other.safetensors, SHA-256 01234567** |" in line(overview, "| [resnet50-imagenet]")
    assert rows.count("Not set beside the published figures.") == 2
    assert "difference" not in rows
    assert "resnet50-imagenet 60.0 *" in book.part("accuracy-against-parameters")


def test_named_weights_are_the_row(book):
    book.keep("resnet50-imagenet", 60, weights="resnet50.tv_in1k.safetensors", weights_sha256="0123456789")
    assert "| 150 of 150 | resnet50.tv_in1k.safetensors, SHA-256 01234567 |" in book.part("reproduced")
    assert "difference" in book.part("rows")


def claim(text, question):
    return re.search(f"### {question}.*?(?=###|$)", text, re.S)[0]


def test_a_claim_about_accuracy(book):
    for seed in (0, 1):
        book.keep("cnn-17m", 50, seed)
        book.keep("cnn-17m-aug", 80, seed)
    text = claim(book.part("claims"), "Does augmentation")
    assert "Published accuracy: 56.71 % for `cnn-17m`, 59.14 % for `cnn-17m-aug`." in text
    assert "| 0 | 50.00 % | 80.00 % | +30.0 (+20.4 to +38.5) | below 0.001 |" in text
    assert (
        "The accuracy of `cnn-17m-aug` is larger, as the report says: the interval leaves out zero in all 2 seeds."
        in text
    )


def test_a_claim_that_does_not_hold_and_one_that_is_open(book):
    book.keep("resnet50-scratch", 80)
    book.keep("resnet50-imagenet", 50)
    book.keep("cnn8", 52)
    text = book.part("claims")
    assert "smaller, against what the report says: the interval leaves out zero in the one seed." in claim(
        text, "Does transfer"
    )
    assert "Not told apart: of 1 intervals, 0 lie above zero and 0 below." in claim(text, "Does the small network")


def test_a_claim_about_gaps(book):
    book.keep("gelu-cnn-nobn", 60, report={"train_accuracy": 0.65})
    book.keep("gelu-cnn", 60, report={"train_accuracy": 0.95})
    text = claim(book.part("claims"), "Does batch normalisation")
    assert "| 0 | 5.00 % | 35.00 % | +30.0 (+28.1 to +31.9) | 1.000 |" in text
    told = "The gap of `gelu-cnn` is larger, as the report says: the interval leaves out zero in the one seed."
    assert f"{told} Training accuracy is that of the kept epoch while it learned" in text
    trained = claim(book.part("claims"), "Does the network of report 003 learn its training faces")
    assert "Training accuracy:\n" in trained and "| 0 | 65.00 % | 95.00 % | +30.0 | – |" in trained
    assert "The training accuracy of `gelu-cnn` is larger, as the report says: so in the one seed." in trained


def test_no_verdict_on_less_than_the_rows(book):
    book.keep(shortened(recipes["gelu-cnn"], 5), 80)
    book.keep("gelu-cnn-nobn", 50)
    text = claim(book.part("claims"), "Does batch normalisation")
    assert "No verdict, as not all of it is the row" in text
    assert "`gelu-cnn`: **5 of 100** epochs, random" in text


def test_other_faces_are_not_compared(book):
    book.keep("gelu-cnn", 80, report={"data_fingerprint": "a"})
    book.keep("gelu-cnn-nobn", 50, report={"data_fingerprint": "b"})
    assert "Not yet measured: no seed of both on the same faces." in claim(book.part("claims"), "Does batch norm")


def test_twins_are_told(book):
    book.keep("cnn8", 60)
    assert "| cnn8 | 150 of 150 | 60.00 % | 55.56 % | -4.4 |" in book.part("claims")


def test_all_networks_by_size(book):
    book.keep("cnn8", 60)
    book.keep("mien-small", 70, parameters=1_349_543)
    book.keep("vit-tiny", 65, parameters=5_500_000)
    text = book.part("by-size")
    names = [row.split(" | ")[:2] for row in text.splitlines()[2:5]]
    assert names == [["| mien-small", "mien"], ["| cnn8", "report"], ["| vit-tiny", "future work"]]
    assert "`convnext-tiny`" in text
    picture = book.part("accuracy-against-parameters")
    assert re.findall(r'<circle class="(\w+)"', picture) == ["mien", "future", "report"]  # from the top
    assert re.findall(r">([\w-]+ [\d.]+)</text>", picture) == ["mien-small 70.0", "vit-tiny 65.0", "cnn8 60.0"]
    x, y = map(float, re.search(r'"report" cx="([\d.]+)" cy="([\d.]+)"', picture).groups())
    assert pytest.approx(x, abs=0.1) == 60 + 500 * 0.6737  # 4.72 million, between 1 and 10 million
    assert 50 < y < 410


def test_a_mean_of_weights_stands_among_the_networks(book):
    book.keep("mien-small", 70, parameters=1_349_543)
    mean = replace(recipes["mien-small"], name="mien-mean")
    book.keep(mean, 72, parameters=1_349_543, averaged={"a": "1", "b": "2"})
    rows = [row.split(" | ")[:4] for row in book.part("by-size").splitlines()[2:4]]
    assert rows == [
        ["| mien-mean", "mien", "weights of 2 runs, averaged", "–"],
        ["| mien-small", "mien", "105 of 105", "random"],
    ]
    assert "mien-mean 72.0" in book.part("accuracy-against-parameters")


@pytest.mark.parametrize(
    ("heights", "places"),
    [([100.0, 200.0], [100, 200]), ([100.0, 101.0], [100, 100 + LINE]), ([405.0, 406.0], [410 - LINE, 410])],
)
def test_names_do_not_cover_each_other(heights, places):
    assert _spread(heights) == places


def test_curves_of_every_seed_stand_over_the_published_accuracies(book):
    book.keep("cnn-17m", 60)
    book.keep("cnn-17m", 70, seed=1)
    panels = dict(re.findall(r'(?s)<g transform="(.*?)">(.*?)</g>', book.part("training-curves")))
    assert len(panels) == len(PUBLISHED)
    own = panels["translate(530 62)"]  # the third
    assert ">cnn-17m<" in own and own.count('polyline class="train"') == own.count('polyline class="watched"') == 2
    heights = [float(y) for y in re.findall(r'published" d="M0 ([\d.]+)H', own)]
    assert heights == [pytest.approx(110 * (1 - accuracy), abs=0.05) for accuracy in (0.6558, 0.5671)]
    assert sum("not yet measured" in panel for panel in panels.values()) == len(PUBLISHED) - 1


def test_a_shortened_row_has_a_star_over_its_curves(book):
    book.keep(shortened(recipes["cnn8"], 5), 60)
    assert ">cnn8 *<" in book.part("training-curves")


def test_faces_are_counted_by_what_they_were_taken_for(book):
    book.keep("cnn8", 60)
    book.keep("cnn8", 70, seed=1)
    table = book.part("rows").split("<details>")[1].split("</details>")[0]
    reports = [json.loads(file.read_text())["reports"]["PublicTest"]["full"] for file in book.files()]
    for k, name in enumerate(FER2013.names):
        cells = line(table, f"| {name} |").strip("| ").split(" | ")
        faces = [sum(report["confusion"][k][j] for report in reports) for j in range(len(FER2013.names))]
        assert cells[1:8] == [f"{100 * count / sum(faces):.0f} %" for count in faces]


def test_the_interval_of_a_gap_goes_against_that_of_the_accuracy(book):
    book.keep("gelu-cnn-nobn", 60, report={"train_accuracy": 0.65})
    book.keep("gelu-cnn", 70, report={"train_accuracy": 0.95})
    text = claim(book.part("claims"), "Does batch normalisation")
    difference, low, high = re.search(r"\| 0 \| 5.00 % \| 25.00 % \| (\S+) \((\S+) to (\S+)\)", text).groups()
    assert float(low) < float(difference) == 20 < float(high) < 30  # +30 is what training gains alone
