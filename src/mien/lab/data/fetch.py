"""Download FER2013 from where it is published."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from mien.errors import DataError

Site = Literal["kaggle", "huggingface"]

KAGGLE = "msambare/fer2013"
"""The folder edition: its test folder holds PublicTest and PrivateTest together."""

HUGGINGFACE = "AutumnQiu/fer2013"
"""Parquet files with the three official splits."""


def fetch_fer2013(site: Site) -> Path:
    """Download FER2013 to the cache of the site's own client, unless it is already there.

    Args:
        site: ``"kaggle"`` or ``"huggingface"``.

    Returns:
        The folder, ready for `read_fer2013`.

    Raises:
        DataError: the site is unknown, cannot be reached or refuses; says what to do instead.
    """
    sites = {"kaggle": _from_kaggle, "huggingface": _from_huggingface}
    if site not in sites:
        raise DataError(f"site {site!r}; expected {' or '.join(map(repr, sites))}.")
    return sites[site]()


def _from_kaggle() -> Path:
    import kagglehub
    from kagglehub import exceptions

    refusals = (
        exceptions.BackendError,
        exceptions.CredentialError,
        exceptions.DataCorruptionError,
        exceptions.NotFoundError,
        exceptions.UnauthenticatedError,
    )
    try:
        return Path(kagglehub.dataset_download(KAGGLE))
    except (OSError, *refusals) as error:
        raise DataError(_advice("kaggle.com", f"https://www.kaggle.com/datasets/{KAGGLE}", error)) from error


def _from_huggingface() -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    # its bases include the error of the HTTP client, which differs between major versions
    refusals: tuple[type[Exception], ...] = (OSError, *HfHubHTTPError.__bases__)
    try:
        return Path(snapshot_download(HUGGINGFACE, repo_type="dataset", allow_patterns="*.parquet"))
    except refusals as error:
        raise DataError(_advice("huggingface.co", f"https://huggingface.co/datasets/{HUGGINGFACE}", error)) from error


def _advice(host: str, page: str, error: Exception) -> str:
    reason = str(error).strip().partition("\n")[0][:200]
    return (
        f"{host}: cannot download FER2013 ({type(error).__name__}: {reason}). Is this machine online? If not, download "
        f"{page} on another one, copy it here and give its path to --data."
    )
