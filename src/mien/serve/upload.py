"""From a request to the bytes of one photo. They stay in memory; nothing is written to disk."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from mien.media.decode import MAX_PIXELS, IsVideo, TooLarge, open_photo

FIELD = "photo"


@dataclass(frozen=True)
class Upload:
    """An encoded photo and what messages call it."""

    data: bytes
    name: str


async def read_upload(request: Request, max_bytes: int) -> Upload:
    """Read a photo that is the body, or the field `photo` of a multipart form.

    Raises:
        HTTPException: 413, the body is larger than `max_bytes`; 422, the form is malformed or has no such file.
    """
    body = bounded(request, max_bytes)
    if request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        return await _from_form(request, body, max_bytes)
    return Upload(b"".join([chunk async for chunk in body]), "<photo>")


def check_pixels(upload: Upload, max_pixels: int) -> None:
    """Refuse a photo whose header states more than `max_pixels`.

    Raises:
        HTTPException: 413; 422, it is a video.
        InputError: it is no photo, or a damaged one.
    """
    try:
        open_photo(io.BytesIO(upload.data), upload.name, min(max_pixels, MAX_PIXELS)).close()
    except TooLarge as error:
        raise HTTPException(413, str(error)) from error
    except IsVideo as error:
        raise HTTPException(422, f"{upload.name}: is a video, not a photo; send it to /v1/video.") from error


async def bounded(request: Request, max_bytes: int) -> AsyncGenerator[bytes, None]:
    """Yield the body in pieces.

    Raises:
        HTTPException: 413, its length, stated or real, is above `max_bytes`.
    """
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and int(stated) > max_bytes:
        raise _too_large(max_bytes)
    read = 0
    async for chunk in request.stream():
        read += len(chunk)
        if read > max_bytes:
            raise _too_large(max_bytes)
        yield chunk


def too_slow(seconds: float) -> HTTPException:
    """Return what to raise where an upload has taken too long; it also closes the connection."""
    return HTTPException(408, f"the upload took more than {seconds:g} s.", {"Connection": "close"})


async def _from_form(request: Request, body: AsyncGenerator[bytes, None], max_bytes: int) -> Upload:
    parser = MultiPartParser(request.headers, body, max_files=1, max_fields=8)
    parser.spool_max_size = max_bytes  # above it, Starlette would write to a temporary file
    try:
        form = await parser.parse()
    except MultiPartException as error:
        if error.message.startswith("Too many files"):
            raise HTTPException(422, "multipart form: more than one file; send one photo in a request.") from error
        raise HTTPException(
            422, f"multipart form: {error.message} Expected one file in the field {FIELD!r}."
        ) from error
    except UnicodeError as error:
        raise HTTPException(
            422, f"multipart form: its names are not in the charset that it states ({error})."
        ) from error
    try:
        photo = form.get(FIELD)
        if not isinstance(photo, UploadFile):
            if photo is not None:
                raise HTTPException(
                    422, f"multipart form: the field {FIELD!r} holds text, not a file; with curl: -F {FIELD}=@photo.jpg"
                )
            found = ", ".join(map(repr, form)) or "nothing"
            raise HTTPException(422, f"multipart form: no file in the field {FIELD!r}; found {found}.")
        name = (photo.filename or "<photo>").encode(errors="replace").decode()  # UTF-7 can encode half a character
        return Upload(await photo.read(), name)
    finally:
        await form.close()


def _too_large(max_bytes: int) -> HTTPException:
    return HTTPException(413, f"the upload is too large; at most {max_bytes / 1e6:g} MB are accepted here.")
