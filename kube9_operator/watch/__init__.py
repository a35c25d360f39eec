"""The watchers: from the API server's bytes to frames on the queue."""
