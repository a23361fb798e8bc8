"""What the service counts, in Prometheus' text format."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The metrics of one application, in a registry of their own, so that a process can run several applications."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter("mien_requests", "Requests answered.", ["path", "status"], registry=self._registry)
        self.faces = Counter("mien_faces", "Faces found in photos.", registry=self._registry)
        self.photos = Gauge(
            "mien_photos_in_hand", "Photos uploading, waiting or being analysed.", registry=self._registry
        )
        self.seconds = Histogram(
            "mien_photo_seconds", "Time for a photo, without its upload.", buckets=_SECONDS, registry=self._registry
        )

    def text(self) -> bytes:
        """Return all metrics as Prometheus reads them."""
        return generate_latest(self._registry)
