"""Adam on a CPU, by the kernel of torch's fused one and nothing else.

`torch.optim` imports torch's compiler to tell it what to leave alone: 1.6 s and 150 MB of each process that
trains, most of which compile nothing.
"""

from typing import Any

import torch
from torch import Tensor, nn

EPS = 1e-8


class Adam:
    """Does to one parameter what `torch.optim.Adam(…, fused=True)` does, to the bit.

    Kingma, Ba: Adam: A Method for Stochastic Optimization, ICLR 2015 (algorithm 1). `param_groups` and
    `state` are as there. A `torch.amp.GradScaler` takes it for one: it lays `grad_scale` (), by which the
    gradient is divided, and `found_inf` (), 1 where nothing is to happen, in here for a step.
    """

    _step_supports_amp_scaling = True

    def __init__(self, parameter: nn.Parameter, rate: Tensor, betas: tuple[float, float]):
        self.parameter = parameter
        self.param_groups: list[dict[str, Any]] = [{"params": [parameter], "lr": rate, "betas": betas}]
        self.state: dict[nn.Parameter, dict[str, Tensor]] = {parameter: {}}

    @torch.no_grad()
    def step(self) -> None:
        """One step along the parameter's gradient."""
        parameter, (group,), state = self.parameter, self.param_groups, self.state[self.parameter]
        if parameter.grad is None:
            return
        if not state:
            state["step"] = torch.zeros((), device=parameter.device)
            state["exp_avg"], state["exp_avg_sq"] = (torch.zeros_like(parameter) for _ in range(2))
        beta_1, beta_2 = group["betas"]
        scale, overflow = (vars(self).get(name) for name in ("grad_scale", "found_inf"))
        state["step"] += 1
        torch._fused_adam_(  # noqa: SLF001  # what torch.optim.adam calls
            [parameter],
            [parameter.grad],
            [state["exp_avg"]],
            [state["exp_avg_sq"]],
            [],
            [state["step"]],
            lr=group["lr"],
            beta1=beta_1,
            beta2=beta_2,
            weight_decay=0.0,
            eps=EPS,
            amsgrad=False,
            maximize=False,
            grad_scale=scale,
            found_inf=overflow,
        )
        if overflow is not None:
            state["step"] -= overflow
