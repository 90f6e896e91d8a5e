"""A record's form of what was measured, made from the dataclass itself: a figure stands in one place.

`Recorded[GeneratorFacts]` is a model with the fields of `GeneratorFacts` under their names, but for those of
which the dataclass says `metadata={"recorded": False}`. `FORMS` says which types have a form of their own in
records (a histogram is text); so has every dataclass with such fields, and a tuple of them.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from types import GenericAlias
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    NamedTuple,
    Self,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import Field, create_model

from kb_tests.measure.heat import Heat
from kb_tests.measure.histogram import Histogram
from kb_tests.report.heat import HeatRecord
from kb_tests.report.measured import Encoded, Part, decode

D = TypeVar("D")


class Form(NamedTuple):
    """How a record keeps a type: as what, and the way there and back."""

    kept: Any
    record: Callable[[Any], Any]
    restore: Callable[[Any], Any]

    @classmethod
    def of(cls, record: Any) -> Form:
        """Kept as a `record`, a model with `of` and `restore`."""
        return cls(record, record.of, lambda kept: kept.restore())


FORMS: list[tuple[Any, Form]] = [
    (Histogram, Form(Encoded, Histogram.encode, decode)),
    (Heat, Form.of(HeatRecord)),
]
"""The form of each type that has one of its own. A kind of load adds its own, above what is made of them."""


class Recorded(Part, Generic[D]):
    """The record of a dataclass; one in which all fields are as they are needs none.

    A field of another form that has a default may be None in a record, which is that default. A subclass may
    have more fields, or keep some otherwise: `of` and `restore` are given those.
    """

    measured: ClassVar[Any]
    """The dataclass."""

    forms: ClassVar[Mapping[str, Form]]
    """Of those of its fields that are not kept as they are."""

    if TYPE_CHECKING:  # its fields are those of D, but for their forms

        def __getattr__(self, name: str) -> Any: ...

    @classmethod
    def __class_getitem__(cls, of: Any) -> Any:
        """The model for a dataclass."""
        return super().__class_getitem__(of) if isinstance(of, TypeVar) else _model(of)

    @classmethod
    def of(cls, value: D, **own: Any) -> Self:
        """The record of `value`, but for the fields that are `own`."""
        kept = {name: getattr(value, name) for name in _fields(cls.measured) if name not in own}
        return cls(**own, **{name: cls.forms.get(name, AS_IT_IS).record(one) for name, one in kept.items()})

    def restore(self, **own: Any) -> D:
        """What it was made from, but for the fields that are `own`; raises RecordError if a histogram cannot
        be read.
        """
        kept = {name: getattr(self, name) for name in _fields(self.measured) if name not in own}
        made: D = self.measured(
            **own,
            **{
                name: self.forms.get(name, AS_IT_IS).restore(one)
                for name, one in kept.items()
                if one is not None or name not in self.forms
            },
        )
        return made


AS_IT_IS = Form(None, lambda value: value, lambda kept: kept)


def _fields(kind: Any) -> dict[str, dataclasses.Field[Any]]:
    """Those that a record keeps."""
    return {field.name: field for field in dataclasses.fields(kind) if field.metadata.get("recorded", True)}


def _has_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING


@functools.cache
def _model(kind: Any) -> type[Recorded[Any]]:
    hints = get_type_hints(kind, include_extras=True)
    forms = {name: form for name in _fields(kind) if (form := _form(hints[name]))}
    asked: dict[str, Any] = {}
    for name, field in _fields(kind).items():
        kept = forms[name].kept if name in forms else hints[name]
        if name in forms and _has_default(field):
            asked[name] = (kept | None, None)
        elif field.default_factory is not dataclasses.MISSING:
            asked[name] = (kept, Field(default_factory=field.default_factory))
        else:
            asked[name] = (kept, field.default if _has_default(field) else ...)
    model = create_model(
        f"{kind.__name__}Record", __base__=Recorded, __doc__=f"A `{kind.__name__}`.", **asked
    )
    model.measured, model.forms = kind, forms
    return model


def _form(hint: Any) -> Form | None:
    """The form of a type; None if it is kept as it is."""
    for known, form in FORMS:
        if known == hint:
            return form
    if get_origin(hint) is tuple and get_args(hint)[1:] == (...,):
        one = _form(get_args(hint)[0])
        return one and Form(
            GenericAlias(tuple, (one.kept, ...)),
            lambda values: tuple(map(one.record, values)),
            lambda kept: tuple(map(one.restore, kept)),
        )
    if isinstance(hint, type) and dataclasses.is_dataclass(hint) and (model := _model(hint)).forms:
        return Form.of(model)
    return None
