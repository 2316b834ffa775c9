"""Reports from stored rows: one self-contained HTML page, Markdown, JSON, plots, a table for the terminal. No torch."""

from zoo.benchmarking.report.html import render_html
from zoo.benchmarking.report.markdown import render_markdown
from zoo.benchmarking.report.write import terminal_table, write_report

__all__ = ["render_html", "render_markdown", "terminal_table", "write_report"]
