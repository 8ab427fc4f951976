"""Does the work on documents and remembers jobs: the write side."""
