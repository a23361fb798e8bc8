"""The published systems, trained again: what is to be done, what is done, and the page that says so."""
