"""What happens to texts before they are kept: redaction of secrets."""
