"""What is asked of evaluations: causes, comparisons, spread, yield, wear by reads, line drops."""
