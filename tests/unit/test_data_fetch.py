"""Downloads, with the clients of the two sites replaced: no test goes online."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mien.errors import DataError
from mien.lab.data import fetch_fer2013


class Refused(Exception):
    """Stands for each of kagglehub's own errors."""


class HttpError(Exception):
    """Stands for the error of the HTTP client under huggingface_hub, which is no OSError."""


class HubError(HttpError, OSError):
    """Stands for huggingface_hub's own error."""


def replace_clients(monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[tuple[Any, ...]]:
    """Make both clients return `answer`, or raise it; the calls are listed."""
    calls = []

    def client(*args: Any, **options: Any) -> str:
        calls.append((*args, options))
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    names = ("BackendError", "CredentialError", "DataCorruptionError", "NotFoundError", "UnauthenticatedError")
    errors = SimpleNamespace(**dict.fromkeys(names, Refused))
    monkeypatch.setitem(sys.modules, "kagglehub", SimpleNamespace(dataset_download=client, exceptions=errors))
    monkeypatch.setitem(sys.modules, "kagglehub.exceptions", errors)
    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(snapshot_download=client))
    monkeypatch.setitem(sys.modules, "huggingface_hub.errors", SimpleNamespace(HfHubHTTPError=HubError))
    return calls


def test_the_folder_of_the_client_is_returned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls = replace_clients(monkeypatch, tmp_path)
    assert fetch_fer2013("kaggle") == fetch_fer2013("huggingface") == tmp_path
    assert calls == [
        ("msambare/fer2013", {}),
        ("AutumnQiu/fer2013", {"repo_type": "dataset", "allow_patterns": "*.parquet"}),
    ]


@pytest.mark.parametrize("site", ["kaggle", "huggingface"])
def test_offline_says_so_and_what_to_do(monkeypatch: pytest.MonkeyPatch, site: Any) -> None:
    replace_clients(monkeypatch, ConnectionError("no route to host\nand a long story"))
    with pytest.raises(DataError) as caught:
        fetch_fer2013(site)
    message = str(caught.value)
    assert f"{site}.co" in message
    assert "cannot download FER2013 (ConnectionError: no route to host). Is this machine online?" in message
    assert "copy it here and give its path to --data" in message
    assert "story" not in message


def test_a_download_that_breaks_off(monkeypatch: pytest.MonkeyPatch) -> None:
    replace_clients(monkeypatch, HttpError("peer closed connection"))
    with pytest.raises(DataError, match=r"huggingface\.co: cannot download FER2013 \(HttpError: peer closed conn"):
        fetch_fer2013("huggingface")


def test_kaggle_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    replace_clients(monkeypatch, Refused("log in first"))
    with pytest.raises(DataError, match=r"kaggle\.com: cannot download FER2013 \(Refused: log in first"):
        fetch_fer2013("kaggle")


def test_another_site_is_refused() -> None:
    with pytest.raises(DataError, match="site 'kagle'; expected 'kaggle' or 'huggingface'"):
        fetch_fer2013("kagle")  # type: ignore[arg-type]
