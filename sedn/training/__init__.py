"""Training one configuration: the schedule, the epochs, the run and what it leaves."""
