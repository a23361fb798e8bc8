"""The web page and HTTP API of `mien serve`; needs the extra `serve`."""
