"""A report on sessions: one HTML file that needs no network, to open in a browser, print, or send to somebody."""

from paper_repo.report.writing import write_report

__all__ = ["write_report"]
