"""The integrity matrix (see `matrix`): T0, a covering array, with every run; T1, more of them and larger, with --exam."""

import pytest

from .matrix import FACTORS, Cell, run
from .pairwise import covering_array

T0_SEED = 1
T0 = [Cell(n, row) for n, row in enumerate(covering_array(FACTORS, T0_SEED))]


@pytest.mark.parametrize("cell", T0, ids=[f"{cell.seed:03}" for cell in T0])
def test_t0(cell: Cell) -> None:
    run(cell)
