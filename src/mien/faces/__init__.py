"""From a photo or frame to its faces."""
