"""The generated parts of docs/reproduction.md and of its pictures."""
