"""The order of resourceVersions."""


def order(version: str) -> tuple[int, str]:
    """Orders the versions of one resource as apimachinery's CompareResourceVersion does: decimal numbers of any length."""
    return len(version), version
