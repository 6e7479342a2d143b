"""The command line: one module a verb. Standard output carries the result alone; everything else goes to stderr."""
