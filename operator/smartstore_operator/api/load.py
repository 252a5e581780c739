"""Read a SmartStore from a YAML file."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from yaml.constructor import ConstructorError
from yaml.nodes import MappingNode

from smartstore_operator.api.explain import problems_of
from smartstore_operator.api.problems import Problem, SpecError
from smartstore_operator.api.smartstore import API_VERSION, KIND, SmartStore, Spec

_MOST_BYTES = 1_000_000
"""More than the API server takes for one object."""


def load_smartstore(path: Path) -> SmartStore:
    """Read and validate a file with one SmartStore.

    Raises:
        SpecError: the file cannot be read, or is not one valid SmartStore; it lists all that is wrong, each problem
            with the file's name as given.
    """
    try:
        return parse_smartstore(_read(path))
    except SpecError as error:
        raise error.in_file(str(path)) from None


def parse_smartstore(text: str) -> SmartStore:
    """Validate YAML text with one SmartStore; raises `SpecError` like `load_smartstore`, without a file's name."""
    return validate_smartstore(_only_document(text))


def validate_smartstore(document: Any) -> SmartStore:
    """Validate an object as the API server gives it; raises `SpecError` like `load_smartstore`."""
    if not isinstance(document, dict):
        raise _error(
            f"is not a SmartStore: the file must hold apiVersion: {API_VERSION}, kind: {KIND}, metadata, spec"
        )
    _check_kind(document)
    try:
        return SmartStore.parse(document)
    except ValidationError as error:
        raise SpecError(problems_of(error, SmartStore)) from None


def with_stores(smartstore: SmartStore, stores: int) -> SmartStore:
    """The same SmartStore with another number of stores; raises `SpecError` like `load_smartstore`."""
    fields = Spec.model_fields
    spec = {fields[name].alias or name: getattr(smartstore.spec, name) for name in fields} | {
        "stores": stores
    }
    document = {"apiVersion": API_VERSION, "kind": KIND, "metadata": smartstore.metadata, "spec": spec}
    return validate_smartstore(document)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except FileNotFoundError:
        raise _error("no such file") from None
    except OSError as error:
        raise _error(f"cannot be read: {error.strerror}") from None
    if len(data) > _MOST_BYTES:
        raise _error("is larger than 1 MB, so it is no SmartStore")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise _error(f"is not UTF-8 text (byte {error.start})") from None


def _error(message: str, path: str = "") -> SpecError:
    return SpecError([Problem(path=path, message=message)])


def _check_kind(document: dict[Any, Any]) -> None:
    """Another kind of object gets this one line, not a list of all the fields it does not have."""
    kind, version = document.get("kind"), document.get("apiVersion")
    if kind != KIND:
        raise _error(f"must be {KIND}; this is {_named(kind)}", "kind")
    if version != API_VERSION:
        raise _error(f"must be {API_VERSION}; this is {_named(version)}", "apiVersion")


def _named(value: object) -> str:
    return "missing" if value is None else repr(value)


class _Loader(yaml.SafeLoader):
    """YAML as Kubernetes reads it: dates stay strings; beyond that, a key given twice is an error."""

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            name = self.construct_object(key, deep=True)
            if not isinstance(name, str):
                raise ConstructorError(None, None, f"the key {name!r} is not a string", key.start_mark)
            if name in seen:
                raise ConstructorError(None, None, f"the key {name} is given twice", key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _only_document(text: str) -> Any:
    try:
        documents = [document for document in yaml.load_all(text, Loader=_Loader) if document is not None]
    except yaml.YAMLError as error:
        raise _error(_syntax_message(error)) from None
    if not documents:
        raise _error(f"is empty; a file holds one {KIND}")
    if len(documents) > 1:
        raise _error(f"holds {len(documents)} documents; a file holds one {KIND}")
    return documents[0]


def _syntax_message(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError):
        return f"is no valid YAML: {str(error).splitlines()[0]}"
    mark = error.problem_mark or error.context_mark
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"{place}is no valid YAML: {error.problem or error.context}"
