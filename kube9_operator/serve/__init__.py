"""What the operator says of itself: health, over HTTP inside the cluster."""
