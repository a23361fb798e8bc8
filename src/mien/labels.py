"""Label sets: the only place where an integer becomes a word."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mien.errors import DataError

# Other spellings of the same expression, as the published data sets write them.
_SYNONYMS = {
    "anger": "angry",
    "disgusted": "disgust",
    "fearful": "fear",
    "scared": "fear",
    "happiness": "happy",
    "joy": "happy",
    "sadness": "sad",
    "surprised": "surprise",
    "neutrality": "neutral",
}

_NO_LETTERS = ("Cc", "Cs")  # of Unicode: control characters; surrogates, as which Python reads bytes that are no text


def canonical_name(text: str) -> str:
    """Return the expression that `text` spells, in mien's spelling: ``" Happiness"`` gives ``"happy"``."""
    name = same_case(text)
    return _SYNONYMS.get(name, name)


def same_case(text: str) -> str:
    """Return the form in which names are compared: lower case, accents composed; macOS writes them decomposed."""
    return unicodedata.normalize("NFC", text).strip().casefold()


@dataclass(frozen=True)
class LabelSet:
    """Ordered class names. Label `i` means ``names[i]``, here and nowhere else."""

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in self.names:
            if any(unicodedata.category(letter) in _NO_LETTERS for letter in name):
                raise DataError(
                    f"class {name!r}: holds control characters or bytes that are no text, which pages cannot show; "
                    "give it another name."
                )
        if len(set(self.names)) != len(self.names):
            raise DataError(f"label set {self.names}: names repeat; each class needs a name of its own.")

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def name(self, label: int) -> str:
        """Return the word for an integer label.

        Raises:
            DataError: there is no such class; negative labels have none.
        """
        if not 0 <= label < len(self.names):
            raise DataError(f"label {label}: expected 0 to {len(self.names) - 1} ({', '.join(self.names)}).")
        return self.names[label]

    def index(self, text: str) -> int:
        """Return the integer for a word, in any case and in any usual spelling.

        Raises:
            DataError: no class has that name.
        """
        for spelled in (same_case, canonical_name):
            names = [spelled(name) for name in self.names]
            if spelled(text) in names:
                return names.index(spelled(text))
        raise DataError(f"label {text!r} is unknown; expected one of {', '.join(self.names)}.")

    def positions_in(self, other: LabelSet) -> tuple[int, ...]:
        """Return for each of our classes its index in `other`, -1 where `other` lacks it: labels cross by name."""
        return tuple(other.names.index(name) if name in other.names else -1 for name in self.names)


FER2013 = LabelSet(("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"))
"""Order of the 2013 challenge's CSV."""

FOLDER = LabelSet(tuple(sorted(FER2013.names)))
"""Order of the folder edition (Keras and torchvision sort the class folders by name)."""

FERPLUS = LabelSet(("neutral", "happy", "surprise", "sad", "angry", "disgust", "fear", "contempt"))
"""Order of the FER+ vote columns, without `unknown` and `NF` (Barsoum et al. 2016)."""


def label_set_of(names: Iterable[str]) -> LabelSet:
    """Return named classes, in their order.

    If all are expressions that mien knows, and no two the same, they get mien's spelling; else all keep their own.

    Raises:
        DataError: a name is empty, or two are one word.
    """
    words = tuple(name.strip() for name in names)
    if "" in words or len(set(map(same_case, words))) < len(words):
        raise DataError(f"classes {', '.join(map(repr, words))}: each needs a name of its own.")
    known = tuple(map(canonical_name, words))
    return LabelSet(known if len(set(known)) == len(known) and set(known) <= set(FERPLUS) else words)
