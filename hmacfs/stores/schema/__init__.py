"""The tables of the SQLite index: numbered steps, each of which takes the file one version on."""
