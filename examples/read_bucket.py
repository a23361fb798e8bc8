"""Read the expressions in all photos of a folder or bucket, on all cores of a machine or a cluster, with Ray Data.

    pip install '.[ray]'
    python examples/read_bucket.py photos expressions
    python examples/read_bucket.py s3://bucket/photos s3://bucket/expressions --address auto

With `--address auto` it runs on the Ray cluster that this machine belongs to, on whose machines mien must be installed
too (https://docs.ray.io/en/latest/cluster/getting-started.html); without it, on this machine alone.

Ray reads the photos' bytes, hands them to workers of one core each, and writes Parquet files: a row for each face, with
the columns of `mien analyze --csv`, and one for each photo that has no face or cannot be read, whose `failed` says why.
Memory does not grow with the number of photos; the work of a machine that fails goes to another one. Ray's reports of
its use are switched off, unless RAY_USAGE_STATS_ENABLED=1 is set.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import ray

import mien
from mien.media.images import PHOTO_SUFFIXES
from mien.recognizer import Recognizer
from mien.records import columns

PHOTOS_AT_A_TIME = 32


class Reader:
    """A worker: detector and recogniser on one core."""

    def __init__(self, model: str | None) -> None:
        recognizer = Recognizer.load(model, threads=1)
        self._analyzer = mien.Analyzer(model=recognizer, detector=mien.YuNet(threads=1), workers=1)
        numbers = {name: pa.float64() for name in columns(recognizer.card.labels)}
        words = {"source": pa.string(), "label": pa.string(), "failed": pa.string()}
        self._schema = pa.schema({**numbers, "face": pa.int64(), "uncertain": pa.bool_(), **words})

    def __call__(self, photos: Mapping[str, Any]) -> pa.Table:
        """Return the rows of ``{"path": (N,) str, "bytes": (N,) bytes}``."""
        rows: list[dict[str, Any]] = []
        for path, analysis in zip(photos["path"], self._analyzer.run(list(photos["bytes"])), strict=True):
            failed = analysis.failed and analysis.failed.replace(analysis.source, path)
            rows += [{**record, "source": path, "failed": failed} for record in analysis.records() or [{}]]
        return pa.Table.from_pylist(rows, schema=self._schema)


def read_bucket(source: str, out: str, *, model: str | None = None, workers: int | None = None) -> None:
    """Read the photos under `source` and write Parquet files to `out`, both folders or addresses of buckets.

    Args:
        source: what `ray.data.read_binary_files` takes.
        out: what `ray.data.Dataset.write_parquet` takes; it must not exist yet, or rows would stand there twice.
        model: name or folder of a model, which all machines must have; None is the shipped default.
        workers: of one core each; None is one for each core of the cluster.
    """
    endings = [suffix.removeprefix(".") for suffix in PHOTO_SUFFIXES]
    beside = {"num_cpus": 0}  # reading and writing wait for disks and networks; a core of their own they would not get
    photos = ray.data.read_binary_files(source, include_paths=True, file_extensions=endings, ray_remote_args=beside)
    found = photos.map_batches(
        Reader,
        fn_constructor_args=(model,),
        batch_size=PHOTOS_AT_A_TIME,
        num_cpus=1,
        concurrency=workers or int(ray.cluster_resources()["CPU"]),
    )
    found.write_parquet(out, mode=ray.data.SaveMode.ERROR, ray_remote_args=beside)


def main() -> None:
    """Read arguments, start Ray, read the photos."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("out")
    parser.add_argument("--model")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--address", default="local", help="of a Ray cluster; default: this machine alone")
    options = parser.parse_args()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(address=options.address)
    read_bucket(options.source, options.out, model=options.model, workers=options.workers)


if __name__ == "__main__":
    main()
