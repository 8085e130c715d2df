"""Resistive memory in a hierarchy: traces, caches, their life, and stacked memory."""
