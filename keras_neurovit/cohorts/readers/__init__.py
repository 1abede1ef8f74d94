"""A module for each named cohort: its true layout, its labels, how to ask for it."""
