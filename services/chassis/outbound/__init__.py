"""The guarded HTTP client: where a call may go, how long it takes, what comes back."""
