"""Read the expressions in all photos of a folder or bucket, on all cores of a machine or a cluster, with Ray Data.

    pip install '.[ray]'
    python examples/read_bucket.py photos expressions
    python examples/read_bucket.py s3://bucket/photos s3://bucket/expressions --address auto

With `--address auto` it runs on the Ray cluster that this machine belongs to; mien must be installed on all machines of
the cluster (https://docs.ray.io/en/latest/cluster/getting-started.html). Without it, it runs on this machine alone.

Ray reads the photos' bytes, passes them to workers with one core each, and writes Parquet files: one row for each face,
with the columns of `mien analyze --csv`, and one row for each photo that has no face or cannot be read, with the reason
in `failed`. Memory does not grow with the number of photos; if a machine fails, another one takes over its work. Ray's
usage statistics are off unless RAY_USAGE_STATS_ENABLED=1 is set.
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
        source: as `ray.data.read_binary_files` accepts it.
        out: as `ray.data.Dataset.write_parquet` accepts it; it must not exist yet, to avoid duplicate rows.
        model: name or folder of a model, which all machines must have; None is the shipped default.
        workers: number of workers with one core each; None is one for each core of the cluster.
    """
    endings = [suffix.removeprefix(".") for suffix in PHOTO_SUFFIXES]
    beside = {"num_cpus": 0}  # reading and writing wait for disks and networks and get no core of their own
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
