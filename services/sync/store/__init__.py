"""The only modules of sync that talk SQL: one method for each stored function."""
