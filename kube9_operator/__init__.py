"""kube9-operator: records what happens in a Kubernetes cluster. Importing this package imports nothing else."""

__version__ = "0.1.0"
