"""The synchronous repository: sessions as rows, saves, history, claims."""
