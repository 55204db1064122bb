"""Runs: a model trained, packed, served and evaluated once, and all that is known of it.

A completed run is the directory build/runs/<id>/ of plain JSON (`registry` says which files).
It appears by one rename, so half a run is never seen. Its id ends with a hash of what went in:
data, vectors, scripts, hyperparameters, locks; never of a time or a commit. The same inputs have
the same id, and a run that is there need not be made again.

MLflow was weighed as the registry and left out. Since 3.7 it writes a SQLite database, whose
bytes differ from run to run and cannot be reviewed or linked to; its file store is in maintenance
mode and writes absolute artifact URIs, which break when the folder moves or in a clone; it brings
more than eighty packages. What is needed here (files that never change, relative, readable in a
diff, for a report to link to) is `registry`, two screens of code.
"""
