"""The RPCs by subject."""
