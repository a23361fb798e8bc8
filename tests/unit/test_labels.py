import pytest

from mien.errors import DataError
from mien.labels import FER2013, FERPLUS, FOLDER, LabelSet, label_set_of


def test_the_two_orders_of_fer2013_are_not_the_same():
    assert FER2013.name(6) == "neutral" and FOLDER.name(6) == "surprise"
    assert FER2013.positions_in(FOLDER) == (0, 1, 2, 3, 5, 6, 4)


def test_a_class_that_the_other_set_lacks_has_no_position():
    assert FERPLUS.positions_in(FER2013) == (6, 3, 5, 4, 0, 1, 2, -1)


@pytest.mark.parametrize("text", ["happy", " Happiness", "HAPPY", "joy"])
def test_names_are_found_in_any_usual_spelling(text):
    assert FER2013.index(text) == 3


def test_unknown_names_and_numbers_are_refused():
    with pytest.raises(DataError, match=r"label 'bored' is unknown; expected one of angry, disgust"):
        FER2013.index("bored")
    with pytest.raises(DataError, match=r"label 7: expected 0 to 6 \(angry"):
        FER2013.name(7)
    with pytest.raises(DataError, match=r"label -1: expected 0 to 6"):
        FER2013.name(-1)
    with pytest.raises(DataError, match="names repeat"):
        LabelSet(("happy", "happy"))


@pytest.mark.parametrize("name", ["sa\x01d", "sa\nd", "sad\x7f", "\udcffsad"])
def test_names_that_no_page_can_show_are_refused(name: str) -> None:
    with pytest.raises(DataError, match=r"class '.*': holds control characters or bytes that are no text"):
        LabelSet(("happy", name))
    assert LabelSet(("غمگین\u200cتر", "愤怒")).names[1] == "愤怒"


def test_own_names_are_known_in_any_spelling() -> None:
    own = LabelSet(("Happy", "joy", "Surprised"))
    assert [own.index(text) for text in ("happy", "Joy", "surprise")] == [0, 1, 2]


def test_expressions_that_mien_knows_get_its_spelling_up_to_all_of_them() -> None:
    spelled = ("Neutral", "happiness ", "surprised", "sadness", "anger", "disgust", "fear", "contempt")
    assert label_set_of(spelled) == FERPLUS
    assert label_set_of(spelled[:2]).names == ("neutral", "happy")
