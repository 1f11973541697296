"""What every service stands on and no service is about."""
