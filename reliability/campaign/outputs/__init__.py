"""Kinds of output of a study, one module each."""
