"""Columns of text below their headings. Pure."""

from kube9_cli.render.colours import painted
from kube9_cli.render.names import shortened
from kube9_cli.render.width import columns, padded

GAP = "  "


class Grid:
    """Columns by their names, in order. All have the same number of cells."""

    def __init__(
        self, cells: dict[str, list[str]], headings: dict[str, str] | None = None, least: dict[str, int] | None = None
    ) -> None:
        """Without `headings` there is no line of them. One of a column is its name if it is not given.

        `least` has how many columns of a terminal some columns take at least.
        """
        self.cells = cells
        self._headings, self._least = headings, least or {}
        self._widths: dict[str, int] = {}

    def width(self, name: str) -> int:
        """How many columns of a terminal this column takes."""
        if name not in self._widths:
            self._widths[name] = max(self._least.get(name, 0), *map(columns, (*self.cells[name], *self._heading(name))))
        return self._widths[name]

    def total(self) -> int:
        """How many columns of a terminal the lines take."""
        return sum(self.width(name) + len(GAP) for name in self.cells) - len(GAP)

    def replace(self, name: str, cells: list[str]) -> None:
        """Gives a column other cells."""
        self.cells[name] = cells
        self._widths.pop(name, None)

    def replace_heading(self, name: str, heading: str) -> None:
        """Gives a column another heading if there are headings."""
        if self._headings is not None:
            self._headings[name] = heading
            self._widths.pop(name, None)

    def narrow(self, name: str, least: int, width: int) -> None:
        """Shortens the texts of a column as far as the lines take more than `width` columns, and to `least` at most."""
        over = self.total() - width
        if over > 0 and name in self.cells:
            shown = shortened(self.cells[name], max(least, self.width(name) - over))
            self.replace(name, [shown[one] for one in self.cells[name]])

    def lines(self, colours: dict[str, dict[str, str]] | None = None, padded_to_the_end: bool = False) -> list[str]:
        """The lines. `colours` has those of some columns, by the text of a cell."""
        made = []
        for name, cells in self.cells.items():
            wide, mine = self.width(name), (colours or {}).get(name, {})
            made.append([padded(one, wide) for one in self._heading(name)])
            made[-1] += [painted(padded(one, wide), mine.get(one, "")) for one in cells]
        lines = [GAP.join(row) for row in zip(*made, strict=True)]
        return lines if padded_to_the_end else [line.rstrip() for line in lines]

    def _heading(self, name: str) -> list[str]:
        return [] if self._headings is None else [self._headings.get(name, name)]
