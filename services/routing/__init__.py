"""Which workspace gets a lead, and why."""
