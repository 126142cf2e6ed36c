"""The command line: parsing, tables and a live view; all logic is in the packages."""
