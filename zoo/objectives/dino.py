"""DINO: a student sees what its own moving average sees, from small parts of an image and without any label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import nn
from torch.nn import functional

from zoo.adaptations.options import number, one_of, own_options, whole
from zoo.contracts import Backbone, Batch
from zoo.data.augment_images import crop_flip
from zoo.objectives.gathering import gather_here
from zoo.objectives.image_views import check_statistics, photo_view
from zoo.objectives.projections import Prototypes
from zoo.objectives.simclr import check_images
from zoo.objectives.teachers import Average, momentum_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from zoo.data.generated import Source

GLOBAL, LOCAL = (0.4, 1.0), (0.05, 0.4)  # of the image's area
JITTER = (0.4, 0.4, 0.2, 0.1)
LOCAL_SIDE = 96 / 224  # of the global crop's


class Dino:
    """Give the teacher's answer to large crops from any crop of the same image (self-distillation without labels).

    Two global crops go through the teacher; these and small local crops through the student. Where the network takes
    one size of image only, local crops are enlarged to it, and `notes` says so. The teacher's answers are centred and
    sharpened, which together keep it from saying the same of everything.

    Source: Caron et al. 2021 (https://arxiv.org/abs/2104.14294). As there: 65,536 prototypes, temperatures 0.1 and
    0.04, momentum 0.996 and 0.9 for the centre, 8 local crops of 96 / 224 of the side. The paper's rule for the first
    epoch, in which the prototypes stand still, is left out.

    Options:
        prototypes, hidden, bottleneck: of the head.
        student_temperature, teacher_temperature: cosines with prototypes are divided by it.
        momentum: of the teacher; it rises along a cosine to 1.
        steps: after how many steps the momentum is 1, those of the whole training in the paper; 0 keeps it constant.
        centre_momentum: of the mean answer that is taken from the teacher's.
        local_crops: how many a sample.
        augmentation: "source" takes the source's own views, and parts of them as local crops; "paper" the crops,
            colours, blur and solarisation of the paper.

    Example:
        >>> Dino(prototypes=256).teacher_temperature
        0.04
    """

    needs: ClassVar = frozenset({"pooled"})
    options: ClassVar = {
        "prototypes": whole(65_536, 2),
        "hidden": whole(2048),
        "bottleneck": whole(256),
        "student_temperature": number(0.1, "a number above 0", lambda value: value > 0),
        "teacher_temperature": number(0.04, "a number above 0", lambda value: value > 0),
        "momentum": number(0.996, "from 0 to 1", lambda value: 0 <= value <= 1),
        "steps": whole(0, 0),
        "centre_momentum": number(0.9, "from 0 to below 1", lambda value: 0 <= value < 1),
        "local_crops": whole(8, 0),
        "augmentation": one_of("source", "paper"),
    }
    divisible = False  # the centre is that of the whole batch
    gathers = True

    def __init__(self, **options: Any) -> None:
        self.own = own_options("dino", self, options)
        self.teacher_temperature: float = self.own["teacher_temperature"]
        self.notes: tuple[str, ...] = ()

    def build(self, backbone: Backbone, source: Source) -> nn.Module:
        """The student's head, the teacher with its own, and the centre.

        Raises:
            IncompatibleError: no backbone of images; or the paper's views, and unknown statistics of the pixels.
        """
        check_images("dino", backbone)
        if self.own["augmentation"] == "paper":
            check_statistics("dino", backbone.spec)
        self._source, self._backbone, self.notes = source, backbone, ()
        self._local = local_size(backbone) if self.own["local_crops"] else None
        if self.own["local_crops"] and self._local in (None, full_size(backbone)):
            height, width = full_size(backbone)
            self.notes = (
                f"dino: {backbone.spec.name} takes no smaller images than {height} x {width}, so local crops are "
                "enlarged to that, and each costs as much as a global one (local_crops=0 leaves them out)",
            )
        self._heads = DinoHeads(backbone, *(self.own[name] for name in ("hidden", "bottleneck", "prototypes")))
        return self._heads

    def views(self, batch: Batch, generator: torch.Generator) -> Batch:
        """A tuple: two global crops, then the local ones."""
        crops = [self._global(batch.inputs, generator, second=second) for second in (False, True)]
        crops += [self._part(batch.inputs, generator, self._local) for _ in range(self.own["local_crops"])]
        several: Any = tuple(crops)
        return Batch(several, batch.targets)

    def loss(self, backbone: Backbone, heads: nn.Module, views: Batch) -> Tensor:
        """Cross-entropy of the student's answers with the teacher's to another crop; `dino_loss` says which."""
        assert isinstance(heads, DinoHeads)
        crops: Sequence[Tensor] = tuple(views.inputs)
        with heads.teacher.lent_to(backbone.module):
            answers = heads.teacher_head.copy(_pooled(backbone, crops[:2])).float()
        said = [heads.student_head(_pooled(backbone, crops[:2])).chunk(2)]
        if crops[2:]:
            said.append(heads.student_head(_pooled(backbone, crops[2:])).chunk(len(crops) - 2))
        heads.seen = gather_here()(answers.mean(0, keepdim=True)).rows.mean(0, keepdim=True)
        return dino_loss(
            [one for part in said for one in part],
            answers.chunk(2),
            heads.centre,
            self.own["student_temperature"],
            self.teacher_temperature,
        )

    @torch.no_grad()
    def after_step(self) -> None:
        """The teacher follows the student, and the centre the teacher's answers to the last batch."""
        heads, momentum = self._heads, self.own["centre_momentum"]
        follow = momentum_at(int(heads.step), self.own["steps"], self.own["momentum"])
        heads.teacher.follow(self._backbone.module, follow)
        heads.teacher_head.follow(heads.student_head, follow)
        if heads.seen is not None:
            heads.centre.lerp_(heads.seen, 1 - momentum)
        heads.step += 1

    def _global(self, x: Tensor, generator: torch.Generator, *, second: bool) -> Tensor:
        if self.own["augmentation"] == "source":
            view: Tensor = self._source.corrupt(x, generator)
            return view
        chances: dict[str, Any] = {"blur_chance": 0.1, "solarise_chance": 0.2} if second else {"blur_chance": 1.0}
        return photo_view(x, generator, self._backbone.spec, area=GLOBAL, jitter=JITTER, **chances)

    def _part(self, x: Tensor, generator: torch.Generator, size: tuple[int, int] | None) -> Tensor:
        if self.own["augmentation"] == "source":  # whether a mirror image is still the same, only the source knows
            return crop_flip(self._source.corrupt(x, generator), generator, area=LOCAL, size=size, mirror=0.0)
        return photo_view(x, generator, self._backbone.spec, area=LOCAL, size=size, jitter=JITTER)


class DinoHeads(nn.Module):
    """What stands beside the backbone: one head that learns, the teacher, the centre [1, K] and the count of steps."""

    centre: Tensor
    step: Tensor

    def __init__(self, backbone: Backbone, hidden: int, bottleneck: int, prototypes: int) -> None:
        super().__init__()
        self.student_head = Prototypes(backbone.pooled_dim, hidden, bottleneck, prototypes)
        self.teacher = Average(backbone.module)
        self.teacher_head = Average(self.student_head)
        self.register_buffer("centre", torch.zeros(1, prototypes))
        self.register_buffer("step", torch.zeros((), dtype=torch.long))
        self.seen: Tensor | None = None  # the mean answer to the last batch, until the step is done


def dino_loss(
    students: Sequence[Tensor],
    teachers: Sequence[Tensor],
    centre: Tensor,
    student_temperature: float,
    teacher_temperature: float,
) -> Tensor:
    """The mean cross-entropy over all pairs of a teacher's view and another view of the student.

    Args:
        students: of each view the cosines [B, K]; the first are of the same views as the teachers'.
        teachers: likewise; without gradient.
        centre: [1, K], taken from the teachers' before the softmax.
        student_temperature, teacher_temperature: what both are divided by.

    Example:
        >>> views = [torch.zeros(3, 4), torch.zeros(3, 4)]
        >>> round(dino_loss(views, views, torch.zeros(1, 4), 0.1, 0.04).item(), 4)  # log 4
        1.3863
    """
    targets = [functional.softmax((one.float() - centre) / teacher_temperature, -1) for one in teachers]
    logs = [functional.log_softmax(one.float() / student_temperature, -1) for one in students]
    terms = [-(q * p).sum(-1).mean() for i, q in enumerate(targets) for k, p in enumerate(logs) if i != k]
    return torch.stack(terms).mean()


def full_size(backbone: Backbone) -> tuple[int, int]:
    """Height and width of the images that the network takes."""
    _, height, width = backbone.spec.input_size or (3, 224, 224)
    return height, width


def local_size(backbone: Backbone) -> tuple[int, int] | None:
    """Height and width of local crops, whole numbers of the network's stride; None where it takes one size only.

    A small image is tried between two whole ones: a network that keeps something of the last size that it saw, as Swin
    of transformers keeps its window, gives another answer to the second or none, and cannot take sizes in turn.
    """
    stride, module = backbone.spec.stride or 1, backbone.module
    small = tuple(max(1, round(side * LOCAL_SIDE / stride)) * stride for side in full_size(backbone))
    channels = (backbone.spec.input_size or (3,))[0]
    whole, part = (next(module.parameters()).new_ones(1, channels, *size) for size in (full_size(backbone), small))
    kept = [(one, dict(vars(one))) for one in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            before, seen, after = (_pooled(backbone, (image,)) for image in (whole, part, whole))
        fits = seen.shape == before.shape and torch.allclose(after, before, equal_nan=True)
    except Exception:  # each library refuses another size in its own way
        fits = False
    finally:
        for one, attributes in kept:  # modes, and what the network keeps of a size
            vars(one).clear()
            vars(one).update(attributes)
    return (small[0], small[1]) if fits else None


def _pooled(backbone: Backbone, crops: Sequence[Tensor]) -> Tensor:
    return backbone.encode(torch.cat(list(crops)))[backbone.spec.modality].pooled
