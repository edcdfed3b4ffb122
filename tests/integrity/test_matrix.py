"""The integrity matrix (see `matrix`): T0, a covering array, with every run; T1, more of them and larger, with --exam."""

import pytest

from .matrix import Cell, run, t0, t1


@pytest.mark.parametrize("cell", t0(), ids=lambda cell: f"{cell.seed}")
def test_t0(cell: Cell) -> None:
    run(cell)


@pytest.mark.exam
@pytest.mark.slow
@pytest.mark.parametrize("cell", t1(), ids=lambda cell: f"{cell.seed}")
def test_t1(cell: Cell) -> None:
    run(cell)
