"""kube9-cli answers questions about what the operator has recorded. It only reads, and shares only kube9_schema with it."""
