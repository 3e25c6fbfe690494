"""One module per paper: what ``benchmarks/papers.py`` runs and prints."""
