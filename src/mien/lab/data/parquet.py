"""Parquet editions: mien's own (rows of the 2013 CSV with encoded images) and the Hugging Face layout."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mien.errors import DataError
from mien.lab.data.dataset import SPLITS, FaceDataset
from mien.lab.data.edition import Edition
from mien.lab.data.images import decode_faces
from mien.labels import FER2013

OWN_COLUMNS = ("row", "emotion", "Usage", "image")


def read_parquet(path: Path) -> Edition:
    """Read a parquet file with the columns row, emotion, Usage and image (encoded bytes).

    Raises:
        DataError: not a parquet file, a column is missing, or a value is not one of those known.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: not a parquet file ({error}). Get it again.") from error
    missing = [name for name in OWN_COLUMNS if name not in file.schema_arrow.names]
    if missing:
        raise DataError(f"{path}: no column {', '.join(missing)}; expected {', '.join(OWN_COLUMNS)}.")
    table = file.read(columns=["row", "emotion", "Usage"])
    labels = np.asarray(table["emotion"], np.int64)
    splits = np.array(table["Usage"].to_pylist(), np.str_)
    rows = np.asarray(table["row"], np.int64).astype(np.str_)
    for index in np.flatnonzero((labels < -1) | (labels >= len(FER2013)))[:1]:
        raise DataError(f"{path} row {rows[index]}: emotion {labels[index]}; expected 0 to 6, or -1 for unlabelled.")
    for index in np.flatnonzero(~np.isin(splits, SPLITS))[:1]:
        raise DataError(f"{path} row {rows[index]}: Usage {splits[index]!r}; expected one of {', '.join(SPLITS)}.")

    def images() -> Iterator[tuple[str, bytes]]:
        names = iter(rows.tolist())
        for batch in file.iter_batches(batch_size=1024, columns=["image"]):
            for image in batch["image"]:
                yield f"row {next(names)}", image.as_py()

    decoded = decode_faces(images(), len(rows))
    kept = decoded.kept
    data = FaceDataset(
        faces=decoded.faces,
        labels=labels[kept],
        splits=splits[kept],
        rows=rows[kept],
        label_set=FER2013,
        source=str(path),
    )
    return Edition("parquet", data, decoded.broken)
