"""A record's form of what was measured, made from the dataclass itself: a figure stands in one place.

`Recorded[GeneratorFacts]` is a model with the fields of `GeneratorFacts` under their names; those of a type
that has a form of its own in records (`FORMS`: a histogram is text) are of that form.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, get_type_hints

from pydantic import create_model

from kb_tests.measure.histogram import Histogram
from kb_tests.report.measured import Encoded, Part, decode, shallow

D = TypeVar("D")


class Form(NamedTuple):
    """How a record keeps a type: as what, and the way there and back."""

    kept: Any
    record: Callable[[Any], Any]
    restore: Callable[[Any], Any]


FORMS: dict[type, Form] = {Histogram: Form(Encoded, Histogram.encode, decode)}


class Recorded(Part, Generic[D]):
    """The record of a dataclass; one in which all fields are as they are needs none.

    Itself it is a type alone: `_model` gives each dataclass' model its own `of` and `restore`.
    """

    if TYPE_CHECKING:  # its fields are those of D, but for their forms

        def __getattr__(self, name: str) -> Any: ...

    @classmethod
    def __class_getitem__(cls, of: Any) -> Any:
        """The model for a dataclass."""
        return super().__class_getitem__(of) if isinstance(of, TypeVar) else _model(of)

    @classmethod
    def of(cls, value: D) -> Recorded[D]:
        """The record of `value`."""
        raise NotImplementedError

    def restore(self) -> D:
        """What it was made from; raises RecordError if a histogram cannot be read."""
        raise NotImplementedError


@functools.cache
def _model(kind: Any) -> type[Part]:
    hints = get_type_hints(kind, include_extras=True)
    forms = {name: FORMS[hint] for name, hint in hints.items() if isinstance(hint, type) and hint in FORMS}

    def of(cls: type[Part], value: Any) -> Part:
        plain = shallow(value)
        return cls(**plain | {name: form.record(plain[name]) for name, form in forms.items()})

    def restore(self: Part) -> Any:
        plain = dict(self)
        return kind(**plain | {name: form.restore(plain[name]) for name, form in forms.items()})

    base = type(
        f"_{kind.__name__}", (Part,), {"of": classmethod(of), "restore": restore, "__module__": __name__}
    )
    asked: dict[str, Any] = {
        field.name: (
            forms[field.name].kept if field.name in forms else hints[field.name],
            ... if field.default is dataclasses.MISSING else field.default,
        )
        for field in dataclasses.fields(kind)
    }
    return create_model(f"{kind.__name__}Record", __base__=base, __doc__=f"A `{kind.__name__}`.", **asked)
