"""`mien demo`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from mien.lab.run import Run
    from mien.lab.training import Progress

PHOTO = Path(__file__).with_name("astronaut.jpg")
"""NASA's portrait of Eileen Collins, public domain."""
FACES_PER_CLASS = 200
EPOCHS = 8


def demo(
    out: Annotated[Path, typer.Option(help="Folder for everything that the demo writes.")] = Path("demo"),
    seed: Annotated[int, typer.Option(help="Seed of everything random.", min=0)] = 0,
) -> None:
    """Train, evaluate, export and report on drawn faces, then read a photo with the default model."""
    run = _train_on_drawn_faces(out, seed)
    picture = _read_astronaut(out)
    typer.echo(f"""
{run.folder}/report.html    report on the demo's network; open it in a browser
{run.folder}/model/         its model folder, for drawn faces only
{picture}    the photo, read with the model that ships

Next:
  mien analyze PHOTO               read your own photo
  mien data check FER2013          check your copy: archive.zip, fer2013.csv, a parquet file or a folder
  mien recipes                     what can be trained on it
  mien train cnn8 --data FER2013   train""")


def _train_on_drawn_faces(out: Path, seed: int) -> Run:
    from mien import lab
    from mien.lab.recipe import Adam, Augment
    from mien.lab.training import train  # fails here, before drawing, if torch is missing

    faces = lab.draw_faces(per_class=FACES_PER_CLASS, seed=seed)
    typer.echo(f"1. drew {len(faces):,} faces with seven schematic expressions", err=True)
    recipe = replace(
        lab.recipes["mien-small-first"],
        name="demo",
        source="mien demo",
        augment=Augment(rotate_deg=10.0, shift_fraction=0.05, flip=True),
        optimizer=Adam(lr=3e-3),
        epochs=EPOCHS,
        batch_size=64,
        ema_decay=0.0,
    )
    typer.echo(f"2. training a small network for {EPOCHS} epochs", err=True)
    run = train(recipe, faces, seed=seed, out=out, on_progress=_show)
    report = lab.evaluate(run, faces.test)
    typer.echo(f"3. evaluated its exported model on {report.n_scored} other drawn faces:", err=True)
    typer.echo(f"   accuracy {report.full.accuracy:.1%}" if report.full else "   no labels", err=True)
    lab.write_report([run], faces, run.folder / "report.html")
    return run


def _show(progress: Progress) -> None:
    """Print a line at the end of an epoch."""
    if progress.step == progress.steps:
        typer.echo(
            f"   epoch {progress.epoch}/{progress.epochs}  loss {progress.loss:.3f}  accuracy {progress.accuracy:.1%}  "
            f"{progress.seconds_left:.0f} s left",
            err=True,
        )


def _read_astronaut(out: Path) -> Path:
    import mien

    analysis = mien.analyze(PHOTO)
    for face in analysis.faces:
        typer.echo(
            f"4. read a photo with the model that ships, {analysis.model}: "
            f"{face.expression.label}, confidence {face.expression.confidence:.0%}",
            err=True,
        )
    picture = out / PHOTO.name
    analysis.save(picture)
    return picture
