"""A series as a record keeps it: a column for each figure of its rows, made from the rows' dataclass."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from operator import attrgetter
from types import GenericAlias
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, Self, TypeVar, get_type_hints

from pydantic import create_model, model_validator

from kb_tests.report.measured import Part

R = TypeVar("R")


class Columns(Part, Generic[R]):
    """`Columns[Second]` has a column `p99`, say, with that of each `Second` in turn. Where a field is a
    dataclass itself, each of its figures has a column: `read_iops` has `iops.read`.

    A column whose field has a default need not be there: suites that did not count it left none.
    """

    row: ClassVar[Any]
    """The dataclass of a row."""

    if TYPE_CHECKING:  # its columns are named as the fields of R

        def __getattr__(self, name: str) -> tuple[Any, ...]: ...

    @classmethod
    def __class_getitem__(cls, of: Any) -> Any:
        """The model for the dataclass of a row."""
        return super().__class_getitem__(of) if isinstance(of, TypeVar) else _model(of)

    @model_validator(mode="before")
    @classmethod
    def _not_known(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        rows = max((len(column) for column in data.values() if isinstance(column, list | tuple)), default=0)
        return {
            one.name: [one.default] * rows for one in _figures(cls.row) if one.default is not MISSING
        } | data

    @model_validator(mode="after")
    def _columns_are_of_one_length(self) -> Self:
        if len({len(column) for _, column in self}) > 1:
            raise ValueError("the columns of the time series differ in length")
        return self

    @classmethod
    def of(cls, rows: Iterable[R]) -> Self:
        """Columns of `rows`."""
        rows = [*rows]
        return cls(**{one.name: tuple(map(attrgetter(one.path), rows)) for one in _figures(cls.row)})

    def restore(self) -> tuple[R, ...]:
        """The rows again."""
        columns = [getattr(self, one.name) for one in _figures(self.row)]
        return tuple(_made(self.row, iter(values)) for values in zip(*columns, strict=True))


class _Figure(NamedTuple):
    """A column: the attribute of a row that it has, and what that is where nothing is told."""

    name: str
    path: str
    kept: Any
    default: Any = MISSING


@functools.cache
def _figures(row: Any) -> tuple[_Figure, ...]:
    return tuple(figure for name, hint in _hints(row).items() for figure in _of_field(row, name, hint))


def _of_field(row: Any, name: str, hint: Any) -> Iterator[_Figure]:
    if isinstance(hint, type) and is_dataclass(hint):
        for part in _figures(hint):
            yield _Figure(f"{part.name}_{name}", f"{name}.{part.path}", part.kept)
    else:
        default = next(field.default for field in fields(row) if field.name == name)
        yield _Figure(name, name, hint, default)


@functools.cache
def _hints(row: Any) -> Mapping[str, Any]:
    hints = get_type_hints(row, include_extras=True)
    return {field.name: hints[field.name] for field in fields(row)}


def _made(row: Any, values: Iterator[Any]) -> Any:
    """A row, of the figures that come next."""
    return row(
        **{
            name: _made(hint, values) if is_dataclass(hint) else next(values)
            for name, hint in _hints(row).items()
        }
    )


@functools.cache
def _model(row: Any) -> type[Columns[Any]]:
    asked: dict[str, Any] = {one.name: (GenericAlias(tuple, (one.kept, ...)), ...) for one in _figures(row)}
    model = create_model(f"{row.__name__}Columns", __base__=Columns, __doc__=f"`{row.__name__}`s.", **asked)
    model.row = row
    return model
