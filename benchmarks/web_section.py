"""The section of docs/benchmarks.md on the page that analyses faces in the browser."""

from __future__ import annotations

from typing import Any


def section(measured: dict[str, Any]) -> str:
    """Lay out a record of benchmarks/web_page.py."""
    cores = measured["cores"]
    return SECTION.format(**measured, on="one core" if cores == 1 else f"{cores} cores")


SECTION = """## In the browser

`benchmarks/web_page.py` reads {photos} photos with mien and with the page that `mien web` writes, and gives the page
a simulated camera of 640 x 480 px with one face ({machine}, {on}, no GPU).

| measured | |
| --- | ---: |
| faces found by mien and by the page | {faces} and {faces_in_browser} |
| photos in which both find the same number | {photos_with_as_many_faces} of {photos} |
| faces with the same label | {same_label:.0%} |
| largest difference between boxes, in their side | {largest_difference_of_boxes:.1%} |
| difference between probabilities, median and largest | {median_difference_of_probability:.3f} and \
{largest_difference_of_probability:.3f} |
| from opening the page until the model is ready, s | {seconds_to_start:.1f} |
| a photo, including drawing the result, median, s | {seconds_a_photo:.2f} |
| the same in Python, without drawing, s | {seconds_a_photo_in_python:.3f} |
| camera, pictures/s | {camera_pictures_a_second:.0f} |
| size of the folder, MB | {megabytes:.1f} |
| onnxruntime's share of it, MB | {megabytes_of_onnxruntime:.1f} |
| sent by a host that compresses files (gzip), MB | {megabytes_compressed:.1f} |
"""
