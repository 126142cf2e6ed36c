"""Targets and scores to try metrics on."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

NAN = float("nan")


@st.composite
def scored(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Targets with unknown entries, and scores that are few (ties), fine or half precision."""
    shape = (draw(st.integers(1, 40)), draw(st.integers(1, 4)))
    targets = draw(arrays(np.float32, shape, elements=st.sampled_from([0.0, 1.0, 1.0, 0.0, NAN])))
    values = draw(
        st.sampled_from(
            [
                st.sampled_from([-0.0, 0.0, 0.5, 1.0]),
                st.floats(-5, 5, width=16),
                st.floats(-1e6, 1e6, width=64),
            ]
        )
    )
    dtype = draw(st.sampled_from([np.float16, np.float32, np.float64]))
    wide = draw(arrays(np.float64, shape, elements=values))
    return targets, np.clip(wide, -6e4, 6e4).astype(dtype)


def dependent_labels(images: int, labels: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores that share a cause in each image, as real ones do."""
    rng = np.random.default_rng(3)
    cause = rng.normal(size=(images, 1))
    targets = (cause + 0.5 * rng.normal(size=(images, labels)) > 0.4).astype(np.float64)
    return targets, targets + cause + rng.normal(size=(images, labels))
