"""The published systems, trained again: what is to be done, how long it takes here, and what is done."""
