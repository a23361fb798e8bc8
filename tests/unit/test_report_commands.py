"""`mien compare`, `mien report` and `mien results` on the command line."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
from evaluated_run import evaluate_as, hundred, make_run
from typer.testing import CliRunner

from mien import lab
from mien.cli import build_app
from mien.errors import DataError


@pytest.fixture
def runs(tmp_path):
    rights = {"a": 60, "b": 70}
    return [
        str(evaluate_as(make_run(tmp_path / name, seed=right), hundred(right)).folder) for name, right in rights.items()
    ]


def call(*words):
    return CliRunner().invoke(build_app(), list(map(str, words)))


def test_compare_prints_in_every_form(runs):
    printed = {form: call("compare", *runs, "--format", form).stdout for form in ("table", "plain", "markdown", "csv")}
    assert "mien-small-first seed 60" in printed["table"]
    assert printed["plain"].startswith("Models on PublicTest\n====")
    assert "| mien-small-first seed 60 | – | 60.00 % (50.2 to 69.1) |" in printed["markdown"]
    assert printed["csv"].splitlines()[1].startswith("mien-small-first seed 60,a,mien-small-first,60")
    parts = json.loads(call("compare", *runs, "--json").stdout)
    assert parts["pairs"][0]["difference"]["difference"] == pytest.approx(0.1)
    assert parts == json.loads(call("compare", *runs, "--format", "json").stdout)
    done = call("compare", *runs, "--json", "--format", "csv")
    assert done.exit_code == 2 and "--json and --format csv print different things" in done.stderr


def test_compare_saves_a_page_and_says_so_on_standard_error(runs, tmp_path):
    done = call("compare", *runs, "--json", "--save", tmp_path / "compare.html")
    json.loads(done.stdout)
    assert f"written: {tmp_path / 'compare.html'}" in done.stderr
    assert "2 models on PublicTest" in (tmp_path / "compare.html").read_text()


def test_report_stands_in_the_run_s_folder_by_default(runs):
    done = call("report", runs[0])
    assert done.stdout.strip() == f"{runs[0]}/report.html"
    done = call("report", *runs)
    assert done.exit_code == 2 and "--save report.html" in done.stderr
    done = call("report", runs[0], "--explain")
    assert done.exit_code == 2 and "needs --data" in done.stderr


def test_report_writes_its_charts_as_files(runs, tmp_path):
    done = call("report", runs[0], "--charts", tmp_path / "one")
    assert f"written: the charts, in {tmp_path / 'one'}" in done.stderr and done.stdout.endswith("report.html\n")
    one = {"loss", "accuracy", "learning-rate", "confusion-counts", "confusion-rates", "recall", "calibration"}
    drawn, printed = (sorted((tmp_path / "one").glob(f"*.{kind}")) for kind in ("svg", "pdf"))
    assert one <= {file.stem for file in drawn} == {file.stem for file in printed}
    assert {ElementTree.parse(file).getroot().tag for file in drawn} == {"{http://www.w3.org/2000/svg}svg"}
    assert {file.read_bytes()[:5] for file in printed} == {b"%PDF-"}
    call("report", *runs, "--save", tmp_path / "both.html", "--charts", tmp_path / "both")
    found = {file.relative_to(tmp_path / "both").as_posix() for file in (tmp_path / "both").rglob("*.svg")}
    assert {"loss.svg", "accuracy.svg", "accuracy-on-PublicTest.svg", "a/recall.svg", "b/recall.svg"} <= found
    (tmp_path / "file").touch()
    assert "cannot be written" in str(call("report", runs[0], "--charts", tmp_path / "file").exception)


def test_charts_of_several_runs_do_not_replace_each_other(runs, tmp_path, monkeypatch):
    monkeypatch.chdir(runs[0])
    files = lab.write_charts([".", runs[1]], tmp_path / "charts")
    assert len(set(files)) == len(files) and tmp_path / "charts" / "a" / "loss.svg" in files
    namesake = evaluate_as(make_run(tmp_path / "elsewhere" / "a", seed=80), hundred(80)).folder
    with pytest.raises(DataError, match="another run has this name, too"):
        lab.write_charts([runs[0], namesake], tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_run_given_by_a_relative_path_keeps_its_name(runs, monkeypatch):
    monkeypatch.chdir(runs[0])
    assert call("compare", ".", runs[1], "--format", "csv").stdout.splitlines()[1].split(",")[1] == "a"


def test_with_the_data_its_charts_hold_the_bars_of_the_classes(runs, tmp_path):
    data, other = tmp_path / "data", tmp_path / "other"
    rows = [f"{index % 7},{' '.join(['0', '255'] * 1152)},PublicTest\n" for index in range(100)]
    for file, lines in ((data, rows), (other, rows[:-1])):
        file.with_suffix(".csv").write_text("emotion,pixels,Usage\n" + "".join(lines))
    call("report", *runs, "--save", tmp_path / "both.html", "--charts", tmp_path / "both", "--data", f"{data}.csv")
    assert (tmp_path / "both" / "classes.svg").is_file() and (tmp_path / "both" / "classes.pdf").is_file()
    with pytest.raises(DataError, match=r"1 faces of PublicTest on which .* was evaluated are not in it"):
        lab.write_charts(runs, tmp_path / "charts", data=lab.read_fer2013(f"{other}.csv"))
    assert not (tmp_path / "charts").exists()


def test_errors_reach_the_user(runs):
    done = call("compare", *runs, "--split", "Test")
    assert isinstance(done.exception, DataError) and "not on Test" in str(done.exception)


def test_results_are_added_and_tabled(runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = call("results", "add", runs[0])
    assert isinstance(done.exception, DataError) and "not in the git repository" in str(done.exception)
    (tmp_path / "README.md").write_text("<!-- generated: results -->\n<!-- end -->\n")
    assert isinstance(call("results", "tables", "--check").exception, DataError)
    assert call("results", "tables").stdout == "README.md\n"
    assert call("results", "tables", "--check").exit_code == 0
