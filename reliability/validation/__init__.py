"""Blind predictions of measurements that were not used for the fit: one module per kind."""
