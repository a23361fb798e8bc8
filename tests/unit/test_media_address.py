"""What of an address may stand in messages and records."""

from __future__ import annotations

import pytest

from mien.media.address import is_address, without_secrets


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://192.168.0.20:554/live", "rtsp://192.168.0.20:554/live"),
        ("rtsp://user:secret@camera/live", "rtsp://camera/live"),
        ("rtsp:/user:secret@camera/live", "rtsp:/camera/live"),  # as a Path has it
        ("rtsp://user:se@cret@camera:554/live", "rtsp://camera:554/live"),
        ("rtsp://user:se/cret@camera/live", "rtsp://camera/live"),
        ("rtsp://camera/user=admin&password=secret&channel=1", "rtsp://camera/user=...&password=...&channel=1"),
        ("http://camera/v?Token=secret#t", "http://camera/v?Token=...#t"),
        ("http://camera:80/of/@me/v?monkey=1", "http://camera:80/of/@me/v?monkey=1"),
        ("rtsp://[::1]:554/a@b", "rtsp://[::1]:554/a@b"),
    ],
)
def test_user_and_password_are_left_out(address: str, shown: str) -> None:
    assert is_address(address) and without_secrets(address) == shown


@pytest.mark.parametrize("path", ["photo.jpg", "a@b.jpg", "C:/Users/a@b/token=1.jpg", "/tmp/user=me/a.jpg"])
def test_paths_stay_as_they_are(path: str) -> None:
    assert not is_address(path) and without_secrets(path) == path
