"""Audit FER2013: `python benchmarks/audit_fer2013.py FER2013 FERPLUS_VOTES`.

Writes benchmarks/results/fer2013_audit.json: the findings of `mien data check`, and how often FER+'s raters agree with
the labels. FERPLUS_VOTES is fer2013new.csv.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from layout import RESULTS

from mien.lab.data import FaceDataset, audit, join_votes, open_fer2013
from mien.lab.data.stats import summary
from mien.labels import FERPLUS

RESULT = RESULTS / "fer2013_audit.json"


def agreement(data: FaceDataset) -> dict[str, float | int]:
    """Share of labelled faces whose most frequent vote in FER+ is the label; ties go to the first column."""
    voted = data.take((data.votes.sum(1) > 0) & (data.labels >= 0))
    answers = voted.votes.argmax(1)
    position = np.array([*voted.label_set.positions_in(FERPLUS), -1])[voted.labels]
    agrees, sure = answers == position, voted.votes.max(1) * 2 > voted.votes.sum(1)
    return {
        "faces": len(voted),
        "agree": round(float(agrees.mean()), 4),
        "faces_with_majority": int(sure.sum()),
        "agree_where_majority": round(float(agrees[sure].mean()), 4),
    }


def main() -> None:
    """Measure and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="FER2013, any edition")
    parser.add_argument("votes", type=Path, help="fer2013new.csv")
    given = parser.parse_args()
    edition = open_fer2013(given.data)
    facts = summary(edition, audit(edition.data)) | {"source": given.data.name}
    facts["ferplus"] = agreement(join_votes(edition.data, given.votes))
    RESULT.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
