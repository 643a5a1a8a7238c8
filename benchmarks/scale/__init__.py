"""Everything behind the scan, on synthetic rows: what a billion documents need of one machine (`__main__.py`)."""
