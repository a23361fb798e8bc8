"""Networks and recipes of one's own: from a module in the working directory, from a JSON file."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from mien.errors import ModelError, RecipeError
from mien.lab import onnx_graph
from mien.lab.averaging import average_runs
from mien.lab.data import draw_faces
from mien.lab.evaluation import evaluate
from mien.lab.nets import adopt_classes, build, count_parameters, set_trainable
from mien.lab.nets.imported import NETWORK, network_sources, source_digest
from mien.lab.nets.input import Mirrored
from mien.lab.onnx_graph import to_onnx
from mien.lab.pages.recipe_page import layer_table
from mien.lab.recipe import Distillation, NoAugment, OwnNet, Recipe, Validation
from mien.lab.recipe.io import from_json, to_json
from mien.lab.recipe_book import find_recipe, recipes
from mien.lab.run import WEIGHTS, Run
from mien.lab.training import train
from mien.labels import LabelSet
from mien.preprocess import Preprocess

CODE = """
import functools
import torch

SIDE = 48

class Flat(torch.nn.Module):
    def __init__(self, preprocess, classes):
        super().__init__()
        self.out = torch.nn.Linear(preprocess.channels * SIDE**2, classes)

    def forward(self, x):
        return self.out(x.flatten(1))

def made(preprocess, classes):
    return Flat(preprocess, classes)

def alone(preprocess):
    return Flat(preprocess, 7)

def nothing(preprocess, classes):
    return None

def wide(preprocess, classes):
    return Flat(preprocess, classes + 1)

def failing(preprocess, classes):
    return torch.nn.Linear(preprocess.width, classes)

def mistyped(preprocess, classes):
    return torch.nn.Linear("many", classes)

def sized(preprocess, classes, side):
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(preprocess.channels * side**2, classes))

partly = functools.partial(sized, side=SIDE)

class Branched(Flat):
    def forward(self, x):
        answer = super().forward(x)
        return (answer, answer) if self.training else answer

class Misspelt(Flat):
    def forward(self, x):
        return self.inn(x)

class Viewed(torch.nn.Module):
    def __init__(self, preprocess, classes):
        super().__init__()
        self.conv = torch.nn.Conv2d(preprocess.channels, 4, 3)
        self.norm = torch.nn.BatchNorm2d(4)
        self.out = torch.nn.Linear(4 * 46**2, classes)

    def forward(self, x):
        x = self.norm(self.conv(x))
        return self.out(x.view(x.size(0), -1))

class Named(torch.nn.Module):
    def __init__(self, preprocess, classes):
        super().__init__()
        self.classes = torch.nn.Linear(preprocess.channels * SIDE**2, classes, bias=False)

    def forward(self, x):
        return self.classes(x.flatten(1))

class Counting(Flat):
    def __init__(self, preprocess, classes):
        super().__init__(preprocess, classes)
        self.classes = classes

class Headed(torch.nn.Module):
    def __init__(self, preprocess, classes):
        super().__init__()
        self.classes = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(preprocess.channels * SIDE**2, classes))

    def forward(self, x):
        return self.classes(x)

class Frozen(Named):
    def __init__(self, preprocess, classes):
        super().__init__(preprocess, classes)
        self.first = torch.nn.Conv2d(preprocess.channels, preprocess.channels, 3, padding=1).requires_grad_(False)

    def forward(self, x):
        return super().forward(self.first(x))

class Dropping(Flat):
    def forward(self, x):
        return torch.nn.functional.dropout(super().forward(x))

class Recurrent(Flat):
    def __init__(self, preprocess, classes):
        super().__init__(preprocess, classes)
        self.first = torch.nn.GRU(SIDE, SIDE, batch_first=True)

    def forward(self, x):
        return super().forward(self.first(x[:, 0])[0])

class Branching(Flat):
    def forward(self, x):
        return super().forward(x if x.mean() > 0 else 2 * x)

class Crossing(Flat):
    def __init__(self, preprocess, classes):
        super().__init__(preprocess, classes)
        self.norm = torch.nn.BatchNorm2d(preprocess.channels, track_running_stats=False)

    def forward(self, x):
        return super().forward(self.norm(x))

class Attending(Flat):
    def __init__(self, preprocess, classes, batch_first=False):
        super().__init__(preprocess, classes)
        self.attention = torch.nn.MultiheadAttention(SIDE, 4, batch_first=batch_first)

    def forward(self, x):
        rows = x[:, 0]
        return super().forward(rows + self.attention(rows, rows, rows)[0])

well_attending = functools.partial(Attending, batch_first=True)

class Twice(torch.nn.Module):
    def __init__(self, preprocess, classes):
        super().__init__()
        conv = torch.nn.Conv2d(preprocess.channels, preprocess.channels, 3, padding=1)
        norm = torch.nn.BatchNorm2d(preprocess.channels)
        self.layers = torch.nn.Sequential(conv, conv, torch.nn.MaxPool2d(2), norm, torch.nn.ReLU())
        self.out = torch.nn.Linear(preprocess.channels * (SIDE // 2) ** 2, classes)

    def forward(self, x):
        return self.out(self.layers(x).flatten(1))

class Stack(torch.nn.Sequential):
    def forward(self, x):
        halved = self[1](self[0](x))
        return halved + self[3](self[2](halved))

class Stacked(Twice):
    def __init__(self, preprocess, classes):
        super().__init__(preprocess, classes)
        self.layers = Stack(*list(self.layers)[1:])

def lazy_and_wrong(preprocess, classes):
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.LazyLinear(5), torch.nn.Linear(6, classes))

def lazy(preprocess, classes):
    return torch.nn.Sequential(torch.nn.LazyConv2d(4, 3), torch.nn.Flatten(), torch.nn.LazyLinear(classes))

class Shared(Flat):
    def __init__(self, preprocess, classes):
        super().__init__(preprocess, classes)
        self.there, self.back = torch.nn.Linear(SIDE, SIDE), torch.nn.Linear(SIDE, SIDE)
        self.back.weight = self.there.weight

    def forward(self, x):
        return super().forward(self.back(self.there(x)))
"""
NAME = "net_of_ones_own"
GREY = Preprocess()


@pytest.fixture(autouse=True)
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    file = tmp_path / f"{NAME}.py"
    file.write_text(CODE, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield file
    sys.modules.pop(NAME, None)


def own(attribute: str, epochs: int = 1) -> Recipe:
    return replace(
        recipes["mien-small-first"],
        name="own",
        network=OwnNet(name=f"{NAME}:{attribute}"),
        augment=NoAugment(),
        epochs=epochs,
        ema_decay=0.0,
        validation=Validation(kind="none"),
    )


def edit(file: Path, old: str, new: str) -> None:
    """Change the module, as somebody does before the next process imports it."""
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")
    sys.modules.pop(NAME, None)


def test_layers_that_share_weights_are_trained_and_evaluated(tmp_path: Path) -> None:
    data = draw_faces(4)
    run = train(own("Shared"), data, out=tmp_path)
    network = run.load_classifier().network
    assert torch.equal(network.there.weight, network.back.weight) and network.there.weight.ne(0).any()
    report = evaluate(run, data)
    assert report.full is not None and report.full.n == len(data.split("PublicTest"))


@pytest.mark.parametrize("attribute", ["Flat", "made"])
def test_a_class_or_a_function_in_the_working_directory_builds_the_network(attribute: str, own_module: Path) -> None:
    network = OwnNet(name=f"{NAME}:{attribute}")
    classifier = build(network, Preprocess(crop_px=48), 7)
    assert classifier(torch.zeros(2, 1, 48, 48, dtype=torch.uint8)).shape == (2, 7)
    assert type(classifier.network).__name__ == "Flat"
    assert network_sources(network) == {NETWORK: own_module.read_bytes()}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (f"{NAME}:flat", f"module '{NAME}' has no attribute 'flat'; expected MODULE:NAME, such as my_net:MyNet"),
        ("nets_of_others:Flat", "no module nets_of_others in .* or among what is installed; expected MODULE:NAME"),
        (":Flat", "the module is missing; expected MODULE:NAME"),
        (f"{NAME}:SIDE", "found int; expected a class or a function"),
        (f"{NAME}:alone", "takes 1 positional argument but 2 were given; it is called with .preprocess, classes.\\.$"),
        (f"{NAME}:failing", rf"AttributeError: .* has no attribute 'width' \({NAME}.py, line 28\)\.$"),
        (f"{NAME}:mistyped", rf"TypeError: .* \({NAME}.py, line 31\)\.$"),
        (f".{NAME}:Flat", "the module is missing; expected MODULE:NAME"),
        (f"{NAME}.py:Flat", f"no module {NAME}.py in .*; expected MODULE:NAME, such as {NAME}:Flat\\.$"),
        ("nets/mine.py:Flat", "such as nets.mine:Flat\\.$"),
        ("string:Flat", r"module 'string' has no attribute 'Flat'; .* \(string is .*string.*\.py\)"),
        (f"{NAME}:nothing", "it returns a NoneType; expected a torch.nn.Module"),
    ],
)
def test_what_is_no_network_is_named(name: str, message: str) -> None:
    with pytest.raises(RecipeError, match=f"network '{name}': .*{message}"):
        build(OwnNet(name=name), Preprocess(crop_px=48), 7)


def test_a_module_that_lacks_another_says_which(own_module: Path) -> None:
    own_module.write_text("import a_package_that_is_missing\n", "utf-8")
    with pytest.raises(ModuleNotFoundError, match="a_package_that_is_missing"):
        build(OwnNet(name=f"{NAME}:Flat"), Preprocess(crop_px=48), 7)


def test_what_was_typed_in_by_hand_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = ModuleType("notebook_of_ones_own")
    exec(CODE, notebook.__dict__ | {"__name__": notebook.__name__}, notebook.__dict__)
    monkeypatch.setitem(sys.modules, notebook.__name__, notebook)
    with pytest.raises(RecipeError, match="no file defines it; put it into a file, so that a run can keep a copy"):
        network_sources(OwnNet(name=f"{notebook.__name__}:Flat"))


def test_a_script_that_is_no_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    piped = ModuleType("piped_script")
    piped.__file__ = "<stdin>"
    monkeypatch.setitem(sys.modules, piped.__name__, piped)
    exec(CODE, piped.__dict__)
    with pytest.raises(RecipeError, match="no file defines it"):
        network_sources(OwnNet(name=f"{piped.__name__}:made"))


@pytest.mark.parametrize("attribute", ["partly", "lazy"])
def test_a_partial_and_layers_that_take_their_shape_from_a_face(attribute: str, own_module: Path) -> None:
    network = OwnNet(name=f"{NAME}:{attribute}")
    assert network_sources(network) == {NETWORK: own_module.read_bytes()}
    classifier = build(network, Preprocess(crop_px=48), 7)
    assert classifier.training and count_parameters(classifier) > 0


def test_a_torchvision_of_another_torch_is_made_importable(own_module: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    monkeypatch.setattr(f"{build.__module__}.imported.make_importable", lambda: made.append(1))
    monkeypatch.setattr("builtins.made_importable", made, raising=False)
    error = 'raise RuntimeError("operator torchvision::nms does not exist")'
    own_module.write_text(f"if not made_importable:\n    {error}\n{CODE}", "utf-8")
    build(OwnNet(name=f"{NAME}:Flat"), Preprocess(crop_px=48), 7)
    assert made == [1]


def test_an_error_while_the_module_is_imported_is_its_own(own_module: Path) -> None:
    own_module.write_text("raise ValueError('by hand')\n", "utf-8")
    with pytest.raises(ValueError, match=r"^by hand$"):
        build(OwnNet(name=f"{NAME}:Flat"), Preprocess(crop_px=48), 7)


def test_what_the_file_imports_from_beside_it_counts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "package_of_ones_own"
    (package / "parts").mkdir(parents=True)
    written = {
        "__init__.py": "from .nets import Net\n",
        "nets.py": "import json, torch\nfrom . import common\nfrom .parts.flat import made as Made\n\n"
        "def Net(p, c):\n    return Made(p, c)\n",
        "common.py": f"import {NAME}\n",
        "other.py": "",
        "parts/flat.py": CODE,
    }
    for name, content in written.items():
        (package / name).write_text(content, "utf-8")
    network = OwnNet(name=f"{package.name}:Net")
    sources = network_sources(network)
    imported = {f"{package.name}.common", f"{package.name}.parts.flat", NAME}
    assert set(sources) == {NETWORK, *(f"network.{module}.py" for module in imported)}
    assert sources[NETWORK].decode() == written["nets.py"]

    data = draw_faces(2)
    run = train(replace(own("Flat"), network=network), data, out=tmp_path / "runs")
    assert {name: (run.folder / name).read_bytes() for name in sources} == sources
    for loaded in [name for name in sys.modules if name.startswith(package.name)]:
        monkeypatch.delitem(sys.modules, loaded)
    (package / "parts" / "flat.py").write_text(CODE.replace("x.flatten(1)", "x.flatten(1).relu()"), "utf-8")
    with pytest.raises(ModelError, match=r"has changed since .* as .*network\.py, .*parts\.flat\.py have it"):
        run.load_classifier()
    assert train(replace(own("Flat"), network=network), data, out=tmp_path / "runs").folder != run.folder


@pytest.mark.parametrize("unreadable", ["print 'of Python 2'\n", "\0"])
def test_a_file_beside_it_that_no_call_imports_may_be_broken(own_module: Path, unreadable: str) -> None:
    own_module.write_text(f"{CODE}\n\ndef plot():\n    import broken_beside\n", "utf-8")
    own_module.with_name("broken_beside.py").write_text(unreadable, "utf-8")
    sources = network_sources(OwnNet(name=f"{NAME}:Flat"))
    assert set(sources) == {NETWORK, "network.broken_beside.py"}


def test_a_run_whose_network_is_not_found_says_where_its_code_is(own_module: Path, tmp_path: Path) -> None:
    run = train(own("Flat"), draw_faces(2), out=tmp_path / "runs")
    sys.modules.pop(NAME)
    own_module.unlink()
    with pytest.raises(ModelError, match=rf"no module {NAME} in .* Its code is kept as .*network\.py\.$"):
        run.load_classifier()


def test_networks_of_mien_and_timm_have_no_file() -> None:
    assert source_digest(recipes["cnn8"].network) is source_digest(recipes["resnet50-scratch"].network) is None


def test_a_run_keeps_the_file_and_is_not_read_with_another(own_module: Path, tmp_path: Path) -> None:
    data = draw_faces(2)
    run = train(own("Flat"), data, out=tmp_path / "runs")
    assert (run.folder / NETWORK).read_bytes() == own_module.read_bytes()
    assert evaluate(run, data, split="PublicTest").full is not None

    edit(own_module, "x.flatten(1)", "x.flatten(1).relu()")
    with pytest.raises(ModelError, match=r"has changed since this was trained; put it back as .*network\.py has it"):
        Run.open(run.folder).load_classifier()
    again = train(own("Flat"), data, out=tmp_path / "runs")
    assert again.folder != run.folder  # another network, another run
    with pytest.raises(ModelError, match="has changed"):
        average_runs([run, again], "mean", tmp_path / "runs")

    edit(own_module, "x.flatten(1).relu()", "x.flatten(1)")
    assert train(own("Flat"), data, out=tmp_path / "runs").folder == run.folder
    other = train(own("Flat"), data, seed=0, out=tmp_path / "others", precision="32")
    mean = average_runs([run, replace(other, recipe=replace(other.recipe, name="other"))], "mean", tmp_path / "runs")
    assert (mean.folder / NETWORK).read_bytes() == own_module.read_bytes()
    mean.load_classifier()


def test_a_network_that_answers_or_takes_something_else_is_refused_before_it_trains(tmp_path: Path) -> None:
    data = draw_faces(2)
    with pytest.raises(RecipeError, match=r"returns \(1, 8\) for 1 face, expected \(1, 7\): a logit for each class"):
        train(own("wide"), data, out=tmp_path)
    smaller = replace(own("Flat"), preprocess=replace(own("Flat").preprocess, input_px=32))
    with pytest.raises(
        RecipeError, match=rf"Flat' cannot take faces of 32 px: RuntimeError: .*1024.* \({NAME}.py, line 13\)\.$"
    ):
        train(smaller, data, out=tmp_path)
    with pytest.raises(RecipeError, match=r"returns a tuple for 2 faces in training mode, expected \(2, 7\)"):
        train(own("Branched"), data, out=tmp_path)
    with pytest.raises(RecipeError, match=rf"cannot take faces of 48 px: AttributeError: .*'inn'.* \({NAME}.py, line"):
        train(own("Misspelt"), data, out=tmp_path)
    assert not list(tmp_path.glob("own-*"))


def test_a_network_that_reshapes_by_view_is_trained_and_teaches(tmp_path: Path) -> None:
    run = train(own("Viewed"), draw_faces(2), out=tmp_path)
    taught = Distillation(weight=0.5, temperature=2.0, faces="same")
    student = replace(own("Flat"), name="student", distillation=taught)
    assert train(student, draw_faces(2), out=tmp_path, teachers=[run]).finished


def test_a_network_goes_on_by_the_names_of_its_classes_or_is_refused(tmp_path: Path) -> None:
    data = draw_faces(2)
    turned = replace(data, label_set=LabelSet(data.label_set.names[::-1]))
    for attribute in ("Named", "Flat"):
        run = train(own(attribute), data, out=tmp_path)
        further = replace(own(attribute), name="further", network=OwnNet(name=f"{NAME}:{attribute}", weights="file"))
        assert train(further, data, out=tmp_path, weights=run.folder).finished
        if attribute == "Flat":
            with pytest.raises(
                RecipeError, match=r"trained on angry, .*; the data have neutral, .* named self\.classes\.$"
            ):
                train(further, turned, out=tmp_path, weights=run.folder)
            continue
        classifier = build(further.network, further.preprocess, 7, run.folder / WEIGHTS)
        adopt_classes(classifier, run.folder / WEIGHTS, data.label_set, turned.label_set)
        learned = run.load_classifier().network.classes.weight
        assert torch.equal(classifier.network.classes.weight, learned.flip(0))


@pytest.mark.parametrize("attribute", ["Counting", "Headed"])
def test_a_last_layer_of_another_kind_is_kept_as_it_is_or_refused(attribute: str, tmp_path: Path) -> None:
    labels, file = LabelSet(tuple("abcdefg")), tmp_path / WEIGHTS
    learned = build(own(attribute).network, GREY, 7).state_dict()
    save_file(learned, file)
    classifier = build(OwnNet(name=f"{NAME}:{attribute}", weights="file"), GREY, 7, file)
    adopt_classes(classifier, file, labels, labels)
    assert all(torch.equal(value, learned[name]) for name, value in classifier.state_dict().items())
    with pytest.raises(RecipeError, match=r"trained on a, b, .*; the data have g, f, .* named self\.classes\.$"):
        adopt_classes(classifier, file, labels, LabelSet(labels.names[::-1]))


def test_what_a_network_has_frozen_itself_stays_frozen() -> None:
    classifier = build(own("Frozen").network, GREY, 7)
    set_trainable(classifier, "all")
    assert not classifier.network.first.weight.requires_grad
    assert classifier.network.classes.weight.requires_grad


def test_a_network_that_answers_at_random_is_refused_before_it_trains(tmp_path: Path) -> None:
    with pytest.raises(
        RecipeError, match=rf"^network '{NAME}:Dropping' gives different outputs for the same face in .* F\.dropout"
    ):
        train(own("Dropping"), draw_faces(2), out=tmp_path)
    assert not list(tmp_path.glob("*/*.json"))


@pytest.mark.parametrize("attribute", ["Crossing", "Attending"])
def test_a_network_that_answers_by_other_faces_is_refused_before_it_trains(attribute: str, tmp_path: Path) -> None:
    with pytest.raises(
        RecipeError, match=rf"^network '{NAME}:{attribute}' gives different outputs for a face alone and in a batch"
    ):
        train(own(attribute), draw_faces(2), out=tmp_path)
    assert not list(tmp_path.glob("*/*.json"))


@pytest.mark.parametrize("attribute", ["well_attending", "Twice", "Stacked"])
def test_a_network_is_exported_as_it_computes(attribute: str, tmp_path: Path) -> None:
    run = train(own(attribute), draw_faces(2), out=tmp_path)
    assert run.export() == run.folder / "model"


def test_a_network_that_onnx_computes_otherwise_is_refused_before_it_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_graph, "to_onnx", lambda classifier, p: to_onnx(Mirrored(classifier), p))
    with pytest.raises(RecipeError, match=rf"^network '{NAME}:Flat': in ONNX, .* a logit differs by "):
        train(own("Flat"), draw_faces(2), out=tmp_path)
    content = b"no ONNX"
    monkeypatch.setattr(onnx_graph, "to_onnx", lambda *_: SimpleNamespace(SerializeToString=lambda: content))
    with pytest.raises(
        RecipeError, match=rf"^network '{NAME}:Flat': onnxruntime, which runs mien's models, cannot run it: .*protobuf"
    ):
        train(own("Flat"), draw_faces(2), out=tmp_path)
    assert not list(tmp_path.glob("*/*.json"))


def test_layers_without_a_shape_that_cannot_work_are_named(own_module: Path) -> None:
    with pytest.raises(RecipeError, match=rf"'{NAME}:lazy_and_wrong' cannot take faces of 48 px: mat1 and mat2 shapes"):
        build(own("lazy_and_wrong").network, GREY, 7)


def test_layers_that_answer_several_tensors_are_listed() -> None:
    table = layer_table(own("Recurrent")).plain()
    assert re.search(r"network\.first +GRU +48 x 48 ", table)


def test_a_network_that_cannot_be_exported_is_refused_before_it_trains(tmp_path: Path) -> None:
    with pytest.raises(
        RecipeError, match=rf"^network '{NAME}:Branching': torch cannot export it to ONNX.*: .*data-dep"
    ):
        train(own("Branching"), draw_faces(2), out=tmp_path)
    assert not list(tmp_path.glob("*/*.json"))


def test_a_file_named_without_its_ending_is_pointed_at(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(to_json(own("Flat")), "utf-8")
    with pytest.raises(RecipeError, match=r"^recipe 'mine' is unknown; the file of your own is mine\.json\.$"):
        find_recipe("mine")
    (tmp_path / "mine.json").rename(tmp_path / "other.JSON")
    assert find_recipe("other.JSON") == own("Flat")


def test_a_recipe_in_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(to_json(own("Flat", epochs=5)), "utf-8")
    assert find_recipe(str(file)) == own("Flat", epochs=5)
    assert find_recipe("cnn8") is recipes["cnn8"]
    file.write_text(to_json(recipes["cnn8"]), "utf-8-sig")  # as Windows' editors do
    assert find_recipe(file) == recipes["cnn8"]  # unchanged, with its published figures


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 2}, "differs from mien's own cnn8; give it another name"),
        ({"epochs": 2, "name": "mine"}, r"published holds a source's figures, .* empty it: \[\]"),
        ({"epochs": "two"}, "epochs"),
        ({"schema": 0}, "schema 0, expected"),
        ({"preprocess": {"mean": [0.5, 0.5]}}, "preprocess: mean and std need 1 values each"),
    ],
)
def test_a_file_that_is_no_recipe_of_ones_own_is_named(change: dict[str, object], message: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text(json.dumps(json.loads(to_json(recipes["cnn8"])) | change), "utf-8")
    with pytest.raises(RecipeError, match=rf"mine\.json: .*{message}"):
        find_recipe(file)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(
        RecipeError, match=r"^none\.json: No such file or directory; expected a recipe as `mien recipes"
    ):
        find_recipe("none.json")


def test_a_changed_row_with_a_name_of_its_own_is_read_back(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    row = json.loads(to_json(recipes["cnn8"])) | {"name": "mine", "published": [], "epochs": 2}
    file.write_text(json.dumps(row), "utf-8")
    assert find_recipe(file) == replace(recipes["cnn8"], name="mine", published=(), epochs=2)
    assert from_json(json.dumps(row)).epochs == 2
