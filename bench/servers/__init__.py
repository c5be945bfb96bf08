"""Other servers of the same load, as a Python programmer would write them with a library at hand."""
