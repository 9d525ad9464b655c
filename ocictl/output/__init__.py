"""How results, progress and errors are shown: rich lives here only."""
