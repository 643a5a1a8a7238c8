"""The report as Word, Excel, HTML and Markdown."""
