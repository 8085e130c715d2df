"""Analyses of evaluations: causes of loss, comparisons, variability, yield, inferences, IR drop."""
