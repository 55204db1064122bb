"""Reports: what was published, what came out here, with what spread, and whether that counts.

    results/published.toml ─┐
    build/runs/<id>/*.json ─┼─► content (one JSON value) ─► report.json, report.html, report.md
    bench, parity, verify  ─┘

Everything that a page shows is in report.json first; the pages only lay it out, in English or
Japanese. The same inputs give the same bytes.
"""
