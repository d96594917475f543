"""CUDA graphs for inference: kernels that were launched once are launched again as one."""

from collections.abc import Callable
from threading import Lock
from typing import TypeVar

import torch
from torch import Tensor

T = TypeVar("T")
Shapes = tuple[tuple[torch.Size, torch.dtype], ...]
KEPT_GRAPHS = 4  # of a function, one for each set of shapes: each holds memory of its own


class CudaGraph:
    """One CUDA graph: kernels that were launched once, and are launched again as one."""

    def __init__(self) -> None:
        self._graph = torch.cuda.CUDAGraph()

    def warm_up(self, function: Callable[[], object]) -> None:
        """Call `function` as it will be captured: kernels are chosen, libraries get their memory."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            function()
        torch.cuda.current_stream().wait_stream(stream)

    def capture(self, function: Callable[[], T]) -> T:
        """Note what `function` launches; gives what it returns, which `replay` fills."""
        with torch.cuda.graph(self._graph):
            return function()

    def replay(self) -> None:
        """Do it again, to the same memory."""
        self._graph.replay()


Kept = tuple[CudaGraph, list[Tensor], Tensor]  # a graph, where it reads, and what it fills


class Replayed:
    """A function of tensors that a GPU replays from CUDA graphs: one launch, where a model has hundreds.

    The inputs are copied to where the graph expects them, and the output (a tensor) is copied out. A graph is
    captured for each new set of shapes; the last few are kept. What else the function reads (weights) must
    stay where it is, and it may not wait for the GPU. One call at a time. `graph` makes a graph.
    """

    def __init__(self, function: Callable[..., Tensor], graph: Callable[[], CudaGraph] = CudaGraph):
        self.function, self._new = function, graph
        self._graphs: dict[Shapes, Kept] = {}
        self._lock = Lock()

    @torch.no_grad()
    def __call__(self, *inputs: Tensor) -> Tensor:
        """What `function` gives for `inputs`."""
        key = tuple((x.shape, x.dtype) for x in inputs)
        with self._lock:
            graph, places, output = self._graphs.pop(key) if key in self._graphs else self._capture(inputs)
            self._graphs[key] = graph, places, output  # the last that was used stands last
            for place, x in zip(places, inputs, strict=True):
                place.copy_(x)
            graph.replay()
            return output.clone()

    def _capture(self, inputs: tuple[Tensor, ...]) -> Kept:
        while len(self._graphs) >= KEPT_GRAPHS:
            del self._graphs[next(iter(self._graphs))]
        graph, places = self._new(), [x.clone() for x in inputs]
        graph.warm_up(lambda: self.function(*places))
        return graph, places, graph.capture(lambda: self.function(*places))
