"""HTML pages: what stands in them, and that nothing outside them is needed."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from evaluated_run import evaluate_as, hundred, make_run, predictions_of, variant
from PIL import Image
from tiny_model import write_tiny_model

from mien.card import Card
from mien.errors import DataError, ModelError
from mien.lab.comparison import compare
from mien.lab.data import FaceDataset
from mien.lab.evaluated import read_evaluated
from mien.lab.groups import measure_groups
from mien.lab.metrics import Report
from mien.lab.pages.chapter import chapter
from mien.lab.pages.reading import sentences
from mien.lab.pages.report import write_comparison, write_report
from mien.lab.pages.report_tables import recipe_table
from mien.lab.recipe import Stopping
from mien.lab.recipe.io import override
from mien.lab.recipe_book import recipes
from mien.labels import FER2013


class Page(HTMLParser):
    """Text, tags and addresses of a page; fails where a tag is closed that is not open."""

    def __init__(self, text):
        super().__init__()
        self.words, self.images, self.addresses, self.tags, self.ids = [], [], [], [], []
        self.feed(text)
        assert self.tags == []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.addresses += [found[name] for name in ("src", "href", "srcset", "action") if name in found]
        self.ids += [found["id"]] if "id" in found else []
        if tag == "img":
            self.images.append(found)
        if tag not in ("img", "meta", "br"):
            self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.tags.pop() == tag

    def handle_data(self, data):
        if "style" not in self.tags:
            self.words += data.split()

    @property
    def text(self):
        return " ".join(self.words).replace("\u00a0", " ")


# the faces are surer and surer, and the last 40 are wrong
MEAN_RISK = (40 + sum(40 / count for count in range(41, 101))) / 100


def read(file):
    return Page(file.read_text("utf-8"))


def drawn_data(n=100, split="PublicTest"):
    """Training and test faces; each test face is of one grey, its row id times two."""
    labels = np.arange(n) % 7
    greys = np.concatenate([np.arange(n) * 2, np.full(14, 128)]).astype(np.uint8)
    return FaceDataset(
        faces=np.broadcast_to(greys[:, None, None], (n + 14, 48, 48)).copy(),
        labels=np.concatenate([labels, np.arange(14) % 7]),
        splits=np.array([split] * n + ["Training"] * 14),
        rows=np.concatenate([np.arange(n), 1000 + np.arange(14)]).astype(str),
        label_set=FER2013,
        source="some/where/faces.csv",
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    confidence = [0.5005 + index / 1000 for index in range(100)]
    return evaluate_as(
        make_run(tmp_path_factory.mktemp("runs") / "cnn8-seed0-abc", "cnn8"),
        hundred(60, confidence=confidence, twins=10),
        remarks=("Something to know.",),
    )


@pytest.fixture(scope="module")
def page(run):
    file = write_report([run], drawn_data(), run.folder / "report.html")
    assert file == run.folder / "report.html"
    return read(file)


def test_nothing_outside_is_needed(run, page):
    assert page.addresses and all(address.startswith(("data:image/", "#")) for address in page.addresses)
    assert "http" not in page.text
    style = (run.folder / "report.html").read_text("utf-8").partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style and "@import" not in style
    assert "<script" not in (run.folder / "report.html").read_text("utf-8")


def test_pictures_hold_no_address_either(page):
    for image in page.images:
        kind, _, content = image["src"].partition(";base64,")
        raw = base64.b64decode(content, validate=True)
        if kind == "data:image/png":
            assert Image.open(io.BytesIO(raw)).size == (48, 48)
        else:
            assert kind == "data:image/svg+xml" and b"<svg" in raw
            assert b"<image" not in raw and b"<script" not in raw and b"@import" not in raw
        assert image["alt"]


def test_faces_of_every_class_are_shown(page):
    shown = [image["alt"] for image in page.images if image["alt"].startswith("a face labelled ")]
    assert shown == [f"a face labelled {name}" for name in FER2013 for _ in range(8)]


def test_all_parts_are_there(page):
    for words in (
        "cnn8 seed 0 on PublicTest",
        "accuracy 60.0 % 95 %: 50.2 to 69.1",
        "accuracy, twin-free 55.6 %",  # 50 of 90
        "train-test gap +0.0 points",
        "parameters –",
        "Something to know.",
        "What it means",
        "Beside the published figures",
        "the source measured on PrivateTest, here on PublicTest",
        "epoch of the kept weights 3",
        "angry 15",
        "Most confident predictions",
        f"most confident faces confidence from accuracy 95 % 10 % 10 {0.5005 + 90 / 1000:.3f} 0.0 % 0.0 to 27.8",
        f"100 % 100 {0.5005:.3f} 60.0 % 50.2 to 69.1",
        f"over all thresholds (Geifman et al. 2019), is {MEAN_RISK:.3f}. An uninformative confidence would give 0.4",
        "Worst mistakes",
        "24 of 40 misclassified faces",
        "Recipe field value assumed",
        "batch_size 64 not stated; 64, between Keras' default of 32 and the 128 of others.",
        "published test accuracy 64.92 % (report 004, section III)",
        "Provenance run cnn8-seed0-abc",
        "0123456789abcdef0123456789abcdef01234567",
        "f" * 64,
        "python 3.11.7, mien 0.1.0, torch 2.13.0",
        "not what the person felt",
        "faces.csv: 114 faces of 48 x 48 px",
        "Sample faces",
    ):
        assert words in page.text, words
    assert "some/where" not in page.text


def test_groups_stand_on_the_page_if_they_were_measured(page, tmp_path):
    assert "Groups" not in page.text
    predictions = hundred(60)
    found = measure_groups(predictions, np.repeat(["young", "<old>"], 50), "ages.csv", 0.5)
    run = evaluate_as(make_run(tmp_path / "run"), predictions, groups=found)
    text = read(write_report([run], None, tmp_path / "page.html")).text
    assert "Groups each group of ages.csv, all faces group faces accuracy (95 %)" in text
    assert "<old> 50 20.00 % (11.2 to 33.0)" in text and "young 50 100.00 %" in text
    assert "Largest gap: group <old>, with an accuracy of 20.0 % on 50 faces, against 100.0 % on the 50 faces" in text


def test_charts_say_what_they_show(page):
    said = [image["alt"] for image in page.images]
    assert sum(words.startswith("confusion matrix; recall: angry") for words in said) == 2
    assert any(words.startswith("recall of each expression: angry 60%") for words in said)
    assert any(
        words.startswith("loss over 3 epochs: training ends at 0.6667; validation ends at 0.6333") for words in said
    )
    assert any(words.startswith("learning rate over 3 epochs") for words in said)
    assert any(words.startswith("calibration: at confidence 0.5") for words in said)
    assert any(words.startswith("correct are 0 % of the most confident 10 %") for words in said)
    assert any("Training 2, 2, 2, 2, 2, 2, 2" in words for words in said)


def test_worst_mistakes_come_first(run):
    mistakes = chapter(read_evaluated(run, "PublicTest", "x"), drawn_data()).mistakes
    assert len(mistakes) == 24
    first = mistakes[0]  # the most confident face is the last one, 99, label 1 predicted 2
    assert (first.row, first.label, first.predicted, first.confidence) == ("99", "disgust", "fear", "60 %")
    shown = Image.open(io.BytesIO(base64.b64decode(first.face.src.partition(",")[2])))
    assert np.asarray(shown)[0, 0] == 198
    assert [mistake.row for mistake in mistakes] == [str(row) for row in range(99, 75, -1)]


def test_mistakes_are_explained_on_request(tmp_path):
    run = make_run(tmp_path / "run", "cnn8")
    card = Card.read(write_tiny_model(run.folder / "model"))
    evaluate_as(run, hundred(97), model_sha256=card.sha256)
    done = []
    file = write_report([run], drawn_data(), tmp_path / "a.html", explain=True, on_progress=lambda *at: done.append(at))
    page = read(file)
    heats = [image["alt"] for image in page.images if image["alt"].startswith("heat map")]
    assert heats == ["heat map for angry", "heat map for disgust", "heat map for fear"]
    assert done[-1] == ("explaining mistakes", 3, 3)
    assert "vermilion" in page.text
    assert "vermilion" not in read(write_report([run], drawn_data(), tmp_path / "b.html")).text


def test_without_faces_nothing_can_be_explained(run, tmp_path):
    with pytest.raises(DataError, match="cannot be explained without their faces; give the data set"):
        write_report([run], None, tmp_path / "a.html", explain=True)


def test_another_model_than_the_evaluated_one_explains_nothing(tmp_path):
    run = make_run(tmp_path / "run", "cnn8")
    write_tiny_model(run.folder / "model")
    evaluate_as(run, hundred(97), model_sha256="0" * 64)
    with pytest.raises(ModelError, match="another model than the one that was evaluated; run `mien evaluate"):
        write_report([run], drawn_data(), tmp_path / "a.html", explain=True)


def test_the_same_run_gives_the_same_page(run, page, tmp_path):
    again = write_report([run], drawn_data(), tmp_path / "again.html")
    assert again.read_bytes() == (run.folder / "report.html").read_bytes()


def test_without_data_the_page_says_so(run, tmp_path):
    page = read(write_report([run], None, tmp_path / "deep" / "er" / "report.html"))
    assert "Pictures are left out because no data set was given" in page.text
    assert "Sample faces" not in page.text


def test_other_data_are_refused(run, tmp_path):
    with pytest.raises(DataError, match=r"2 faces of PublicTest .* are not in it, such as row '98'.*faces.csv"):
        write_report([run], drawn_data(98), tmp_path / "report.html")
    with pytest.raises(DataError, match="no split 'PublicTest'"):
        write_report([run], drawn_data(split="Test"), tmp_path / "report.html")
    relabelled = replace(drawn_data(), labels=(drawn_data().labels + 1) % 7)
    with pytest.raises(DataError, match="100 faces of PublicTest carry another label than those on which"):
        write_report([run], relabelled, tmp_path / "report.html")


def test_a_place_that_cannot_be_written_is_named(run, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file.report.html: cannot be written .*File exists"):
        write_report([run], None, tmp_path / "file" / "report.html")


def test_several_runs_start_with_their_comparison(run, tmp_path):
    other = evaluate_as(make_run(tmp_path / "other", "mien-small-first"), hundred(70))
    page = read(write_report([run, other], None, tmp_path / "report.html"))
    assert page.text.index("Pairs on the same faces") < page.text.index("What it means")
    assert {"comparison", "model-1", "model-2"} == set(page.ids)
    assert {address for address in page.addresses if address.startswith("#")} == {"#comparison", "#model-1", "#model-2"}
    assert "2 models on PublicTest" in page.text


def test_a_comparison_is_a_page(run, tmp_path):
    other = evaluate_as(make_run(tmp_path / "other", "mien-small-first"), hundred(70))
    page = read(write_comparison(compare([run, other]), tmp_path / "compare.html"))
    said = [image["alt"] for image in page.images]
    assert "accuracy on PublicTest: cnn8 seed 0 60.0%, mien-small-first seed 0 70.0%" in said
    assert any(words.startswith("accuracy, twin-free PublicTest: cnn8 seed 0 55.6%") for words in said)
    assert "loss over the epochs of cnn8 seed 0, mien-small-first seed 0" in said
    assert sum(words.startswith("confusion matrix") for words in said) == 2
    assert all(address.startswith("data:image/") for address in page.addresses)


def test_words_from_outside_are_escaped(tmp_path):
    spiteful = variant("cnn8", remark="<script>alert(1)</script>", source="<b>bold</b>")
    run = evaluate_as(make_run(tmp_path / "run", spiteful), hundred(60), remarks=("<script>alert(2)</script>",))
    text = write_report([run], None, tmp_path / "report.html").read_text("utf-8")
    assert "<script" not in text and "<b>bold" not in text
    assert "&lt;script&gt;alert(2)" in text


def test_names_of_files_that_are_no_text_are_shown(tmp_path):
    run = evaluate_as(make_run(tmp_path / "run", data_source="m\udcfcller.csv"), hundred(60))
    page = read(write_report([run], None, tmp_path / "report.html"))
    assert r"m\udcfcller.csv" in page.text


def test_folders_whose_names_are_no_text_are_compared(tmp_path):
    runs = [evaluate_as(make_run(tmp_path / name), hundred(60)) for name in ("a\udcff", "b\x01")]
    page = read(write_report(runs, None, tmp_path / "report.html"))
    assert r"a\udcff" in page.text and r"b\x01" in page.text


def test_a_run_without_history_or_mistakes(tmp_path):
    run = evaluate_as(make_run(tmp_path / "run", history=[], epochs_run=0), hundred(100))
    page = read(write_report([run], drawn_data(), tmp_path / "report.html"))
    assert "The run has no training history." in page.text
    assert "There are none: every prediction is correct." in page.text
    assert read(write_comparison(compare([run]), tmp_path / "c.html")).images


def test_a_run_without_validation(tmp_path):
    history = [{"epoch": 1, "lr": 0.1, "train_loss": 2.0, "train_accuracy": 0.2} | dict.fromkeys(
        ("validation_loss", "validation_accuracy"))]  # fmt: skip
    run = evaluate_as(make_run(tmp_path / "run", history=history), hundred(60), validation_accuracy=None)
    page = read(write_report([run], None, tmp_path / "report.html"))
    assert "loss over 1 epochs: training ends at 2" in [image["alt"] for image in page.images]
    assert "its validation accuracy –" in page.text


def test_a_report_of_an_older_mien_has_no_coverage(tmp_path):
    run = evaluate_as(make_run(tmp_path / "run"), hundred(60))
    file = run.folder / "report-PublicTest.json"
    report = Report.read(file)
    replace(report, full=replace(report.full, aurc=None, coverage_curve=())).write(file)
    page = read(write_report([run], None, tmp_path / "report.html"))
    assert "An older version of mien evaluated this run without these figures" in page.text
    assert "area under the risk-coverage curve (AURC) –" in page.text


def test_the_kept_epoch_is_the_best_or_the_last(tmp_path):
    best = Stopping(monitor="loss", patience=None, keep="best")
    assert make_run(tmp_path / "best", variant("cnn8", stopping=best)).kept_epoch()["epoch"] == 2
    assert make_run(tmp_path / "last", "cnn8").kept_epoch()["epoch"] == 3


def test_the_recipe_says_what_is_assumed():
    table = recipe_table(recipes["cnn-17m-aug"])
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["batch_size"] == ("64", "")
    assert rows["augment"][0].startswith("Augment: rotate_deg 40, shift_fraction 0.2")
    assert rows["augment"][1].startswith("augment.shear_deg: ")
    assert set(recipe_table(replace(recipes["cnn8"], assumed={"decision": "why"})).rows) >= {
        ("also", "decision", "why")
    }
    own = recipe_table(replace(recipes["mien-small-first"], assumed={}))
    assert own.columns == ("field", "value")
    variant_notes = recipe_table(override(recipes["cnn8"], "epochs=2")).notes
    assert "A variant: at least one field differs from what the source states." in variant_notes


def said(run):
    return " ".join(sentences(read_evaluated(run, "PublicTest", "x").report))


def test_sentences_follow_from_the_figures(run, tmp_path):
    text = said(run)
    assert "predicts the raters' label for 60 of 100 faces: 60.0 % (95 % interval 50.2 to 69.1)" in text
    assert "Predicting angry for every face would reach 15.0 %" in text
    assert "10 of these faces (10.0 %) have an identical or nearly identical image in Training" in text
    assert "On the other 90, its accuracy is 55.6 %" in text
    assert "the standard error of the accuracy is 4.9 points" in text
    assert "Mean confidence is 55.0 %, accuracy 60.0 %: underconfident" in text
    sure = evaluate_as(make_run(tmp_path / "sure"), hundred(60, confidence=0.9), train_accuracy=0.9)
    assert "overconfident" in said(sure)
    assert "is +30.0 points: the model fits the training faces better" in said(sure)
    assert "None of these faces has a twin" in said(sure)
    right = evaluate_as(make_run(tmp_path / "right"), hundred(60, confidence=0.61), train_accuracy=0.5)
    assert "about right" in said(right) and "is -10.0 points: training faces are harder" in said(right)
    assert "is +0.0 points: about the same" in text
    assert "Training minus test" not in said(evaluate_as(right, hundred(60), train_accuracy=None))


def test_best_worst_and_most_confused_class(tmp_path):
    # angry 3 of 4, disgust 1 of 2, fear 0 of 5 (all predicted happy), happy 1 of 1
    labels = [0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 2, 3]
    predicted = [0, 0, 0, 4, 1, 0, 3, 3, 3, 3, 0, 3]
    run = evaluate_as(make_run(tmp_path / "run"), predictions_of(labels, predicted))
    assert "Recall is highest for happy (100 %) and lowest for fear (0 % of 5 faces)." in said(run)
    assert "the model predicts happy for 80 % of the faces labelled fear" in said(run)
