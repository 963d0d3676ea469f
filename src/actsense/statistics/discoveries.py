"""Many tests at once: p-values that keep the share of false discoveries."""

__all__ = ["adjusted", "adjusted_table"]

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import false_discovery_control


def adjusted(p_values: ArrayLike, *, method: Literal["bh", "by"] = "bh") -> NDArray[np.float64]:
    """Correct p-values for all that are tested together.

    Arguments:
        p_values: Of any shape; NaN where nothing was tested, which does not count.
        method: `bh` for Benjamini and Hochberg, which holds for tests that are independent or go
            together; `by` for Benjamini and Yekutieli, which holds for any.

    Returns:
        Of the same shape; NaN stays.

    Source:
        Benjamini & Hochberg (1995), J. R. Stat. Soc. B 57, 289-300; Benjamini & Yekutieli (2001),
        Ann. Statist. 29, 1165-1188.
    """
    p = np.array(p_values, dtype=np.float64)
    tested = np.isfinite(p)
    if tested.any():
        p[tested] = false_discovery_control(p[tested], method=method)
    return p


def adjusted_table(table: pd.DataFrame) -> pd.DataFrame:
    """Fill `p_adjusted` from `p_value` by Benjamini and Hochberg, in a table that has both."""
    if "p_adjusted" not in table:
        return table
    return table.assign(p_adjusted=adjusted(table["p_value"].to_numpy(np.float64)))
