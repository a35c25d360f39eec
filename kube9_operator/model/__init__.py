"""What travels between the processes and what it means. It knows neither Kubernetes nor SQL."""
