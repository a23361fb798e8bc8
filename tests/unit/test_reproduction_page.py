"""The generated parts of docs/reproduction.md, from records made by hand."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from evaluated_run import evaluate_as, hundred, make_run

from mien.card import Card
from mien.lab import results
from mien.lab.pages.reproduction.claims import CLAIMS
from mien.lab.pages.reproduction.picture import LINE, _free_place, _shared
from mien.lab.pages.rewriting import BLOCKS
from mien.lab.predictions import RECORD
from mien.lab.recipe_book import PUBLISHED, recipes
from mien.lab.results import add, records
from mien.lab.statistics import wilson_interval
from mien.lab.trained_rows import shortened
from mien.labels import FER2013
from mien.recognizer import find_model

PAGE = Path("docs/reproduction.md")


@pytest.fixture
def book(tmp_path, monkeypatch):
    """Keep records, and print a part of the page from them."""
    monkeypatch.setattr(results, "check_commit", lambda *_: None)

    class Book:
        def keep(
            self, recipe, right, seed=0, first_right=0, parameters=4_718_407, report=None, twins=10, **environment
        ):
            recipe = recipes[recipe] if isinstance(recipe, str) else recipe
            run = make_run(
                tmp_path / f"{recipe.name}-{seed}", recipe, **{"epochs_run": recipe.epochs, "seed": seed} | environment
            )
            evaluate_as(run, hundred(right, first_right=first_right, twins=twins), **report or {})
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
    assert book.part("claims").count("Not yet measured") == len(CLAIMS)
    assert book.part("twins") == "Not yet measured.\n"
    assert "Not yet measured: `resnet50-flatten`, " in book.part("by-size")
    assert "report" not in book.part("accuracy-against-parameters")


def test_seeds_without_labelled_faces_are_counted(book):
    for seed in (0, 1):
        book.keep("cnn8", 60, seed=seed)
    for file in book.files():
        row = json.loads(file.read_text())
        file.write_text(json.dumps(row | {"reports": {"PrivateTest": row["reports"]["PublicTest"] | {"full": None}}}))
    cells = line(book.part("reproduced"), "| [cnn8]").split(" | ")[2:]
    assert cells == ["150 of 150", "random", "–", "not yet measured", "2 seeds", "not yet measured |"]


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
    assert rows.count("Not compared with the published figures.") == 2
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
    assert "Published accuracy: 56.71 % for `cnn-17m`, 59.14 % for `cnn-17m-aug`, +2.4 points on 5,741 faces." in text
    assert "| 0 | 50.00 % | 80.00 % | +30.0 (+20.4 to +38.5) | below 0.001 |" in text
    # both seeds alike: 1.96 sqrt(0.30 * 0.70 / 99) is all
    assert "| mean of 2 | 50.00 % | 80.00 % | +30.0 (+21.0 to +39.0) | – |" in text
    assert text.strip().endswith(
        "The accuracy of `cnn-17m-aug` is larger, as the report says (2 seeds). The published difference, +2.4, lies "
        "outside the interval."
    )


def test_the_faces_of_all_seeds_are_a_sample(book):
    for seed, first in enumerate((0, 20)):
        book.keep("cnn-17m", 50, seed, first_right=first)
        book.keep("cnn-17m-aug", 80, seed, first_right=first)
    # gained by both seeds are 10 faces, by one of them 40: 1.96 sqrt((0.4 * 0.25 + 0.1 - 0.3 ** 2) / 99)
    assert "| mean of 2 | 50.00 % | 80.00 % | +30.0 (+23.5 to +36.5) | – |" in claim(
        book.part("claims"), "Does augmentation"
    )


def test_a_seed_of_one_row_alone_is_left_out(book):
    for seed in (0, 1):
        book.keep("cnn-17m", 50, seed)
    book.keep("cnn-17m-aug", 80, seed=1)
    text = claim(book.part("claims"), "Does augmentation improve")
    assert re.findall(r"^\| (\d|mean.*?) \|", text, re.M) == ["1"]


def test_without_an_interval_the_published_difference_lies_nowhere(book):
    book.keep("cnn-17m", 50, report={"train_accuracy": 0.7})
    book.keep("cnn-17m-aug", 50, report={"train_accuracy": 0.6})
    text = claim(book.part("claims"), "Does augmentation lower")
    assert "The training accuracy of `cnn-17m-aug` is smaller, as the report says (one seed" in text
    assert "-8.5 points" in text and " lies " not in text


def test_training_faces_are_no_sample(book):
    for seed, learned in enumerate((0.65, 0.67)):
        book.keep("gelu-cnn-nobn", 60, seed, report={"train_accuracy": learned})
        book.keep("gelu-cnn", 70, seed, report={"train_accuracy": learned + 0.25})
    text = claim(book.part("claims"), "Does the network of report 003 fit its training faces")
    assert "| mean of 2 | 66.00 % | 91.00 % | +25.0 | – |" in text


def test_what_seeds_change_can_leave_a_claim_open(book):
    for seed, right in enumerate((50, 80)):
        book.keep("cnn-17m", 50, seed)
        book.keep("cnn-17m-aug", right, seed)
    text = claim(book.part("claims"), "Does augmentation")
    assert "| mean of 2 | 50.00 % | 65.00 % | +15.0 (-175.6 to +205.6) | – |" in text  # Student's t: 12.7 * 30 / 2
    assert (
        "2 seeds do not show a difference: the interval contains zero. The published difference, +2.4, lies inside"
        in text
    )


def test_a_published_difference_has_its_chance(book):
    text = book.part("claims")
    # 1.96 sqrt((0.6294 * 0.3706 + 0.6372 * 0.3628) / 3589) = 2.23 points
    chance = "+0.8 points on 3,589 faces. The 95 % interval of this difference is -1.4 to +3.0 if they were measured"
    assert chance in claim(text, "Does transfer")
    # 1.96 sqrt(0.5871 * 0.4129 ... ): the sizes differ, and so do the faces
    assert "+1.7 points on 5,741 and on 7,178 faces." in claim(
        text, "Is the ResNet-50 of report 001 better than the report"
    )
    gap = claim(text, "Does the network that report 000 designed")
    # 1.96 sqrt(2 * 0.25 / 7178) = 1.64 points, at most
    assert "-11.0 points on 7,178 faces. The 95 % interval of this difference is at most -12.6 to -9.4, whatever" in gap
    assert "Chance in the choice of faces does not explain the difference." in gap


def test_on_the_same_faces_the_chance_of_a_published_difference_is_less(book):
    book.keep("resnet50-scratch", 60)
    book.keep("resnet50-imagenet", 60, first_right=4)
    text = claim(book.part("claims"), "Does transfer")
    # 8 of 100 faces: 1.96 sqrt(0.08 / 3589) = 0.93 points
    same = "if on the same faces and only one of the two is correct on 8 % of these, as here. Chance in the choice"
    assert f"and -0.1 to +1.7 {same}" in text


def test_runs_that_agree_on_more_than_the_published_difference_say_nothing_of_its_chance(book):
    book.keep("resnet50-scratch", 60)
    book.keep("resnet50-imagenet", 60)
    text = claim(book.part("claims"), "Does transfer")
    assert "on different faces. Chance in the choice of faces may explain the difference." in text
    assert "on the same" not in text


def test_a_claim_that_does_not_hold_and_one_that_is_open(book):
    book.keep("resnet50-scratch", 80)
    book.keep("resnet50-imagenet", 50)
    book.keep("cnn8", 52)
    text = book.part("claims")
    transfer = "smaller, contrary to the report (one seed; another may change this). The published difference"
    assert f"{transfer}, +0.8, lies outside the interval." in claim(text, "Does transfer")
    assert "One seed does not show a difference: the interval contains zero." in claim(text, "Does the small network")


def test_a_claim_about_gaps(book):
    book.keep("gelu-cnn-nobn", 60, report={"train_accuracy": 0.65})
    book.keep("gelu-cnn", 60, report={"train_accuracy": 0.95})
    text = claim(book.part("claims"), "Does batch normalisation")
    assert "| 0 | 5.00 % | 35.00 % | +30.0 (+28.1 to +31.9) | 1.000 |" in text
    told = "The gap of `gelu-cnn` is larger, as the report says (one seed; another may change this)."
    assert f"{told} Our training accuracy is measured during training" in text
    trained = claim(book.part("claims"), "Does the network of report 003 fit its training faces")
    assert "Training accuracy:\n" in trained and "| 0 | 65.00 % | 95.00 % | +30.0 | – |" in trained
    assert "The training accuracy of `gelu-cnn` is larger, as the report says (one seed" in trained


def test_no_verdict_on_less_than_the_rows(book):
    book.keep(shortened(recipes["gelu-cnn"], 5), 80)
    book.keep("gelu-cnn-nobn", 50)
    text = claim(book.part("claims"), "Does batch normalisation")
    assert "No verdict, because the trainings differ" in text
    assert "`gelu-cnn`: **5 of 100** epochs, random" in text
    assert "So far, the gap of `gelu-cnn` is smaller, contrary to the report (one seed" in text


def test_of_shortened_rows_those_of_as_many_epochs_are_compared(book):
    for name, epochs, right in (("gelu-cnn", 5, 60), ("gelu-cnn", 50, 80), ("gelu-cnn-nobn", 5, 40)):
        book.keep(shortened(recipes[name], epochs), right)
    question = "Is the network of report 003 less accurate"
    assert "| 0 | 40.00 % | 60.00 % |" in claim(book.part("claims"), question)
    book.keep("gelu-cnn-nobn", 70)  # whole: the best of the other is good enough
    assert "| 0 | 70.00 % | 80.00 % |" in claim(book.part("claims"), question)


def test_other_faces_are_not_compared(book):
    book.keep("gelu-cnn", 80, report={"data_fingerprint": "a"})
    book.keep("gelu-cnn-nobn", 50, report={"data_fingerprint": "b"})
    assert "Not yet measured: the two rows have no seed in common" in claim(book.part("claims"), "Does batch norm")


def test_twins_are_told(book):
    book.keep("cnn8", 60)  # the first 60 faces are right, the first 10 have a twin
    cells = line(book.part("twins"), "| cnn8").strip("| ").split(" | ")
    assert cells[1:6] == ["150 of 150", "10 of 100", "60.00 %", "100.00 % (72.2 to 100.0)", "55.56 % (45.3 to 65.4)"]
    # Newcombe's: 44.44 - sqrt(27.8**2 + 9.8**2), 44.44 + 10.3
    assert cells[6:] == ["+44.4 (+15.0 to +54.7)", "+4.4"]


def test_without_twins_there_is_nothing_to_tell(book):
    book.keep("cnn8", 60, twins=0)
    assert book.part("twins") == "Not yet measured.\n"


def test_all_networks_by_size(book):
    book.keep("cnn8", 60)
    book.keep("mien-small-first", 70, parameters=1_349_543)  # does not ship
    book.keep("vit-tiny", 65, parameters=5_500_000)
    text = book.part("by-size")
    names = [row.split(" | ")[:2] for row in text.splitlines()[2:7]]
    assert names == [
        ["| mien-nano", "mien"],
        ["| mien-small", "mien"],
        ["| cnn8", "report"],
        ["| mien-large", "mien"],
        ["| vit-tiny", "future work"],
    ]
    assert "`convnext-tiny`" in text
    picture = book.part("accuracy-against-parameters")
    kinds = re.findall(r'<circle class="(\w+)"', picture)
    assert kinds == ["mien", "mien", "report", "mien", "future"]
    assert {">vit-tiny 65.0</text>", ">cnn8 60.0</text>"} <= set(re.findall(r">[\w-]+ [\d.]+</text>", picture))
    x, y = map(float, re.search(r'"report" cx="([\d.]+)" cy="([\d.]+)"', picture).groups())
    assert pytest.approx(x, abs=0.1) == 60 + 640 * 1.6737 / 2  # 4.72 million, between 100,000 and 10 million
    assert 50 < y < 410


def test_models_that_ship_stand_by_size_as_their_cards_have_them(book):
    for name in ("mien-nano", "mien-small", "mien-large"):
        card = Card.read(find_model(name))
        figures = card.metrics["PublicTest" if name == "mien-nano" else "PublicTest-flip"]
        row = line(book.part("by-size"), f"| {name} |")
        assert f" {100 * figures['full']['accuracy']:.2f} % (" in row
        assert f" {100 * figures['twin_free']['accuracy']:.2f} % (" in row
        assert row.endswith(f" {card.parameters:,} |")
        assert f">{name} {100 * figures['full']['accuracy']:.1f}</text>" in book.part("accuracy-against-parameters")


def test_names_stand_where_they_cover_least():
    right = _free_place(200, 100, 50, [])
    assert right == (208.5, 100 - LINE / 2, 258.5, 100 + LINE / 2)
    left = _free_place(200, 100, 50, [right])
    assert left == (141.5, 100 - LINE / 2, 191.5, 100 + LINE / 2)
    assert _shared(left, right) == 0 and _shared(right, right) == 50 * LINE
    shifted = _free_place(200, 100, 50, [right, left])
    assert shifted[0] == right[0] and shifted[1] == 100 - LINE * 3 / 2  # right above the one on the right
    assert _free_place(100, 100, 50, [(108.5, 90, 158.5, 110)])[0] > 100  # nothing stands left of the axis


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


def test_loss_stands_over_the_published_loss_on_a_scale_of_its_own(book):
    book.keep("cnn8", 60)
    panels = dict(re.findall(r'(?s)<g transform="(.*?)">(.*?)</g>', book.part("loss-curves")))
    own = panels["translate(530 557)"]  # the last; its losses are 2, 1, 0.67 while training and 5 % less when watched
    assert ">cnn8<" in own and re.findall(r'end">([\d.]+)</text>', own) == ["0", "1", "2"]
    first, *_ = re.search(r'<polyline class="train" points="(.*?)"', own)[1].split()
    assert first == f"{190 / 3:.1f},0.0"
    assert float(re.search(r'published" d="M0 ([\d.]+)H', own)[1]) == pytest.approx(110 * (1 - 0.9407 / 2), abs=0.05)
    assert 'published"' not in panels["translate(530 62)"]  # report 001 has no loss


def test_a_large_loss_stays_in_its_panel(book, monkeypatch):
    history = [{"epoch": 1, "train_loss": 4.2, "train_accuracy": 0.2}, {"epoch": 2, "train_loss": 1.0}]
    monkeypatch.setattr(results.Record, "history", lambda _: history)
    book.keep("cnn8", 60)
    own = book.part("loss-curves").partition("translate(530 557)")[2]
    assert re.findall(r'end">([\d.]+)</text>', own) == ["0", "2.5", "5"]
    assert 'points="95.0,17.6 190.0,88.0"' in own


def test_the_confusion_vector_has_a_bar_and_an_interval_for_each_class(book):
    book.keep("cnn8", 60)
    book.keep("cnn8", 70, seed=1)
    own = book.part("confusion-vectors").partition("translate(530 557)")[2]
    # classes in turn: 14 or 15 of the 100 faces each, so of angry 9 and 10 of 15 are right
    rate, (low, high) = 9.5 / 15, wilson_interval(9.5, 15)
    assert own.count('class="bar"') == own.count('class="interval"') == len(FER2013.names)
    assert f'class="bar" d="M0 7.9H{152 * rate:.1f}"' in own and ">63 %<" in own
    assert f'class="interval" d="M{152 * low:.1f} 7.9H{152 * high:.1f}"' in own


def test_a_run_without_labelled_faces_has_empty_panels(book):
    book.keep("cnn8", 60)
    (file,) = book.files()
    row = json.loads(file.read_text())
    row["reports"]["PublicTest"] |= {"full": None, "twin_free": None}
    file.write_text(json.dumps(row))
    own = book.part("confusion-vectors").partition("translate(530 557)")[2]
    assert ">cnn8<" in own and "class=" not in own


def test_faces_are_counted_by_what_they_were_taken_for(book):
    book.keep("cnn8", 60)
    book.keep("cnn8", 70, seed=1)
    table = book.part("rows").split("<details>")[1].split("</details>")[0]
    in_rates, in_faces = table.split("Numbers of faces, summed over 2 seeds:")
    reports = [json.loads(file.read_text())["reports"]["PublicTest"]["full"] for file in book.files()]
    for k, name in enumerate(FER2013.names):
        faces = [sum(report["confusion"][k][j] for report in reports) for j in range(len(FER2013.names))]
        assert line(in_faces, f"| {name} |").strip("| ").split(" | ")[1:] == [str(n) for n in (*faces, sum(faces))]
        cells = line(in_rates, f"| {name} |").strip("| ").split(" | ")
        assert cells[1:8] == [f"{100 * count / sum(faces):.0f} %" for count in faces]
        low, high = wilson_interval(faces[k] / 2, sum(faces) // 2)  # of the faces of one seed
        assert cells[8] == f"{100 * faces[k] / sum(faces):.0f} % ({100 * low:.1f} to {100 * high:.1f})"


def test_class_bars_are_those_of_the_audit_beside_the_page(book, tmp_path):
    assert "not yet measured" in book.part("class-bars")
    splits = {"Training": {"happy": 300, "disgust": 100}, "PublicTest": {"happy": 30, "disgust": 30}}
    (tmp_path / "benchmarks" / "results").mkdir(parents=True)
    audit = tmp_path / "benchmarks" / "results" / "fer2013_audit.json"
    audit.write_text(json.dumps({"classes": ["happy", "disgust"], "splits": splits}))
    bars = re.findall(r'class="(\w+)".*?width="([\d.]+)".*\n.*>(.*)</text>', book.part("class-bars"))
    assert bars == [
        ("training", "560.0", "300, 75.0 %"),
        ("test", "56.0", "30, 50.0 %"),
        ("training", "186.7", "100, 25.0 %"),
        ("test", "56.0", "30, 50.0 %"),
    ]


def test_the_interval_of_a_gap_goes_against_that_of_the_accuracy(book):
    book.keep("gelu-cnn-nobn", 60, report={"train_accuracy": 0.65})
    book.keep("gelu-cnn", 70, report={"train_accuracy": 0.95})
    text = claim(book.part("claims"), "Does batch normalisation")
    difference, low, high = re.search(r"\| 0 \| 5.00 % \| 25.00 % \| (\S+) \((\S+) to (\S+)\)", text).groups()
    assert float(low) < float(difference) == 20 < float(high) < 30  # +30 is what training gains alone
