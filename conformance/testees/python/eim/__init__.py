"""A codec of the EIM protocol, written from the specification with the standard library alone."""
