"""The section of docs/benchmarks.md on the page that reads faces in the browser."""

from __future__ import annotations

from typing import Any


def section(measured: dict[str, Any]) -> str:
    """Lay out a record of benchmarks/web_page.py."""
    cores = measured["cores"]
    return SECTION.format(**measured, on="one core" if cores == 1 else f"{cores} cores")


SECTION = """## In the browser

`benchmarks/web_page.py` reads {photos} photos with mien and with the page that `mien web` writes, and plays it a camera
of 640 x 480 px with one face ({machine}, {on}, no GPU).

| measured | |
| --- | ---: |
| faces that mien and the page find | {faces} and {faces_in_browser} |
| photos in which they find as many | {photos_with_as_many_faces} of {photos} |
| faces with the same label | {same_label:.0%} |
| largest difference of a box, in its side | {largest_difference_of_boxes:.1%} |
| difference of a probability, median and largest | {median_difference_of_probability:.3f} and \
{largest_difference_of_probability:.3f} |
| from opening the page to a model that is ready, s | {seconds_to_start:.1f} |
| a photo, drawn with its answer, median, s | {seconds_a_photo:.2f} |
| the same in Python, without drawing, s | {seconds_a_photo_in_python:.3f} |
| camera, pictures/s | {camera_pictures_a_second:.0f} |
| size of the folder, MB | {megabytes:.1f} |
| of it onnxruntime, MB | {megabytes_of_onnxruntime:.1f} |
| sent by a host that compresses (gzip), MB | {megabytes_compressed:.1f} |
"""
