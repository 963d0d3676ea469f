r"""The search for pictures: all at once, each for itself.

In every iteration

    images     of the picture model's parameters
    views      moved, zoomed and turned by numbers of each picture's own
    loss       L_p of every picture, see `objective`
    gradient   of the sum of losses with respect to the images, weighted with a window if wanted
    step       of the optimiser on the parameters, whose state is kept

and now and then images are edited: windows of a canvas, blur and brightness before, denoising
behind the step.

The weight of a picture's distance is chosen where its activation first has a gradient: there, the
distance's is `balance` times as long, both with respect to the image, so that it means the same
for every picture model. A picture that has none in all of the first iterations is silent: it is
left at its start.

Adam steps by its learning rate, whatever the size of gradients. So that a rate means much the same
to Nesterov's momentum m, every picture's gradient with respect to the parameters is divided by its
root mean square at the first step, and multiplied by 1 - m: as long as it stays as it was, a step
tends to the rate.
"""

__all__ = ["Course"]

from typing import Any

import torch
from torch import Tensor

from actsense.device.precision import arithmetic
from actsense.errors import ConfigError
from actsense.featvis.pictures.model import make_model
from actsense.featvis.search.canvas import Canvas
from actsense.featvis.search.objective import Criterion, Terms, pixel_variation
from actsense.featvis.search.record import Made, Record
from actsense.featvis.search.smoothing import blur, denoise
from actsense.featvis.search.steps import MOMENTUM, Adam, Nesterov, Steps
from actsense.featvis.search.task import Task
from actsense.featvis.search.views import random_views
from actsense.featvis.search.watch import Respond

TRIED = 16  # iterations in which a target may first respond
WHITE = 255


class Course:
    """A search, as far as it got.

    Arguments:
        task: What decides its numbers.
        respond: See `synthesise`.

    Attributes:
        done: Iterations that are over.
        note: How it goes, in words.
    """

    def __init__(self, task: Task, respond: Respond) -> None:
        self.done, self.note = 0, ""
        self._task, self._respond = task, respond
        starts, search = task.starts, task.search
        self._model = make_model(task.picture, starts, task.statistics)
        self._rate = self._model.rate if search.learning_rate is None else search.learning_rate
        self._adam = search.optimiser == "adam"
        steps: type[Steps] = Adam if self._adam else Nesterov
        self._steps = steps(self._model.parameters)
        self._canvas = Canvas.around(starts, float(search.canvas)) if search.window_every else None
        self._criterion = Criterion(task.objective, task.targets, task.groups)
        self._record = Record(task.kept, search.iterations, self._model.images())
        self._balance = starts.new_full((len(starts),), torch.nan)
        self._silent = torch.ones_like(self._balance, dtype=torch.bool)
        self._scale = torch.zeros_like(self._balance)
        self._sought = self._some_silent = True  # whether targets may respond for the first time

    def advance(self, iteration: int) -> None:
        """Do the next iteration, counted from 1.

        Raises:
            ConfigError: If no target has responded by now.
        """
        # The way back has the types of the way there: autocast would change them once more.
        exact = "tf32" if self._task.precision == "tf32" else "float32"
        with arithmetic(exact, self._task.starts.device):
            mask = self._task.mask(iteration)
            self._edit_before(iteration, mask)
            images = self._model.images()
            shown = images.detach().requires_grad_()
            terms, total = self._judge(shown, iteration)
            (gradient,) = torch.autograd.grad(total.sum(), shown)
            gradient = self._held_back(gradient, mask)
            self._record.add_gradient(gradient)
            self._step(images, gradient, mask, iteration)
            self._edit_after(iteration, mask)
            self.done = iteration
            self._keep(terms, total, shown)

    def made(self) -> Made:
        """Return what was made."""
        return self._record.made(self._balance, self._silent)

    def state(self) -> dict[str, Any]:
        """Return all that `restore` needs, without copying."""
        canvas = self._canvas
        return {
            "done": self.done,
            "parameters": self._model.parameters,
            "gradients": self._steps.known,
            "canvas": [] if canvas is None else [canvas.images, canvas.place],
            "record": self._record.state(),
            "pictures": [self._balance, self._silent, self._scale],
            "sought": self._sought,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go to where another course of the same task stood."""
        self.done, self._sought = state["done"], state["sought"]
        device = self._task.starts.device
        with torch.no_grad():
            own = [*self._model.parameters, *self._steps.known]
            held = [*state["parameters"], *state["gradients"]]
            for mine, kept in zip(own, held, strict=True):
                mine.copy_(kept)
        self._steps.taken = self.done
        if self._canvas is not None:
            self._canvas = Canvas(*(part.to(device) for part in state["canvas"]))
        self._record.restore(state["record"])
        pictures = (part.to(device) for part in state["pictures"])
        self._balance, self._silent, self._scale = pictures
        self._some_silent = bool(self._silent.any())

    # From images to a step.

    def _judge(self, shown: Tensor, iteration: int) -> tuple[Terms, Tensor]:
        """Return what pictures are judged by, and what is made small, (pictures,)."""
        task = self._task
        views = random_views(
            *(shown, task.keys, iteration),
            jitter_px=task.jitter_px,
            zoom=float(task.search.zoom),
            rotation_degrees=float(task.search.rotation_degrees),
        )
        terms = self._criterion(shown, *self._respond(views))
        if self._sought:
            self._seek(terms, shown, iteration)
        weight = task.at(task.objective.penalty_weight, iteration)
        return terms, self._criterion.total(terms, self._balance.nan_to_num(), weight)

    def _seek(self, terms: Terms, shown: Tensor, iteration: int) -> None:
        """Find the pictures that respond for the first time, and balance their objectives."""
        length = _lengths(-terms.driven, shown)  # as in the loss: silent channels can tell
        first = self._silent & (length > 0)
        wanted, some = float(self._task.objective.balance), self._criterion.resembles
        balance = length.new_full(length.shape, wanted)
        if wanted and bool(some.any()):
            other = _lengths(terms.distance, shown)
            balance = torch.where(other > 0, wanted * length / other, balance)
        self._balance = torch.where(first & some, balance, self._balance)
        self._silent = self._silent & ~first
        last = min(TRIED, self._task.search.iterations)
        self._some_silent = bool(self._silent.any())
        self._sought = iteration < last and self._some_silent
        if iteration == last and bool(self._silent.all()):
            layer = self._task.targets.layer
            raise ConfigError(
                f"layer {layer!r}: not one of its targets responds to the start of its picture "
                f"({self._task.picture.start}): the gradient is 0. Set picture.start to mean or "
                "image, name a layer or units that respond to images, or a module before its ReLU."
            )

    def _held_back(self, gradient: Tensor, mask: Tensor | None) -> Tensor:
        """Weight a gradient with the window, and drop those of pictures that do not respond."""
        if self._some_silent:
            gradient = torch.where(self._silent[:, None, None, None], 0.0, gradient)
        return gradient if mask is None else gradient * mask

    def _step(self, images: Tensor, gradient: Tensor, mask: Tensor | None, iteration: int) -> None:
        before, leaves = images.detach(), self._model.parameters
        gradients = torch.autograd.grad(images, leaves, gradient)
        if not self._adam:
            gradients = self._rescaled(gradients)
        self._steps.step(gradients, self._task.at(self._rate, iteration))
        if mask is not None and self._adam and self._model.editable:
            # Adam divides by the size of gradients and would undo the window.
            after = self._model.images().detach()
            self._model.replace(torch.lerp(before, after, mask))

    def _rescaled(self, gradients: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Scale gradients by their root mean square at the first step, picture by picture."""
        squares = torch.cat([one.flatten(1) for one in gradients], dim=1).square().mean(dim=1)
        first = (self._scale == 0) & (squares > 0)
        self._scale = torch.where(first, (1 - MOMENTUM) * squares.rsqrt(), self._scale)
        return tuple(one * self._scale.view(-1, *[1] * (one.ndim - 1)) for one in gradients)

    # Edits of images now and then.

    @torch.no_grad()
    def _edit_before(self, iteration: int, mask: Tensor | None) -> None:
        search = self._task.search
        blurred = search.blur_sigma_px is not None and _due(search.blur_every, iteration)
        moved, brighter = (
            _due(every, iteration) for every in (search.window_every, search.brightness_every)
        )
        if not (moved or blurred or brighter):
            return
        images = self._model.images()
        if moved and self._canvas is not None:
            spread = float(search.window)
            images = self._canvas.move(images, self._task.keys, iteration, spread=spread)
        if blurred and search.blur_sigma_px is not None:
            sigma = self._task.at(search.blur_sigma_px, iteration)
            images = blur(images, sigma, _open(images, mask))
        if brighter:
            images = (images + float(search.brightness_levels) / WHITE).clamp(0, 1)
        self._model.replace(images)

    @torch.no_grad()
    def _edit_after(self, iteration: int, mask: Tensor | None) -> None:
        search = self._task.search
        if search.denoise_weight is not None and _due(search.denoise_every, iteration):
            images = self._model.images()
            weight = self._task.at(search.denoise_weight, iteration)
            self._model.replace(denoise(images, weight, _open(images, mask)))

    @torch.no_grad()
    def _keep(self, terms: Terms, total: Tensor, shown: Tensor) -> None:
        """Keep what is asked for at the iteration that is over."""
        if self.done in self._record.iterations:
            some = self._criterion.resembles
            penalised = self._task.objective.penalty is not None
            self._record.add_point(
                [
                    total,
                    terms.activation,
                    torch.where(some, terms.cosine, torch.nan),
                    torch.where(some, terms.distance, torch.nan),
                    terms.penalty if penalised else terms.penalty * torch.nan,
                    pixel_variation(shown),
                ]
            )
            self.note = f"activation {float(terms.activation.median()):.2f}"
        if self.done in self._record.kept:
            self._record.add_images(self._model.images())


def _lengths(values: Tensor, images: Tensor) -> Tensor:
    """Return how long the gradient of every picture's value is with respect to it."""
    (gradient,) = torch.autograd.grad(values.sum(), images, retain_graph=True)
    length: Tensor = torch.linalg.vector_norm(gradient.flatten(1), dim=1)
    return length


def _due(every: int | None, iteration: int) -> bool:
    return every is not None and iteration % every == 0


def _open(images: Tensor, mask: Tensor | None) -> Tensor:
    return images.new_ones(()) if mask is None else mask
