"""One step of a recurrent layer after its products: the digital gates."""

from __future__ import annotations

from torch import Tensor

States = tuple[Tensor, ...]  # (h,) or, of an LSTM, (h, c)


def step(mode: str, of_input: Tensor, of_state: Tensor, state: States) -> States:
    """Compute the next state, h before any projection, from W_ih x + b_ih and W_hh h + b_hh.

    `mode` is torch's: "RNN_TANH", "RNN_RELU", "LSTM" (gates i, f, g, o) or "GRU" (r, z, n).
    """
    if mode == "LSTM":
        i, f, g, o = (of_input + of_state).chunk(4, -1)
        c = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c
    if mode == "GRU":
        (xr, xz, xn), (hr, hz, hn) = of_input.chunk(3, -1), of_state.chunk(3, -1)
        z = (xz + hz).sigmoid()
        n = (xn + (xr + hr).sigmoid() * hn).tanh()
        return ((1 - z) * n + z * state[0],)
    total = of_input + of_state
    return (total.tanh() if mode == "RNN_TANH" else total.relu(),)
