"""Learning on the chip: rules, their write load, and what endurance allows."""
