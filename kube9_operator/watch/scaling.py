"""What Events of the deployment controller say about scaling. Pure."""

UP, DOWN = "Scaled up replica set ", "Scaled down replica set "


def replicas(message: str) -> tuple[int | None, int] | None:
    """From how many and to how many replicas a ReplicaSet was scaled; None for another message.

    Kubernetes has written `… from 2 to 4`, before 1.30 `… to 4 from 2`, and before 1.25 `… to 4`.
    """
    if not message.startswith((UP, DOWN)):
        return None
    words = message.removeprefix(UP).removeprefix(DOWN).split()
    figures = {words[at]: words[at + 1] for at in range(1, len(words) - 1, 2)}
    before, after = figures.get("from", ""), figures.get("to", "")
    if not _is_number(after):
        return None
    return (int(before) if _is_number(before) else None), int(after)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10
