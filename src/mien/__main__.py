"""`python -m mien`, which `torchrun` needs, is the command `mien`."""

from mien.cli import main

main()
