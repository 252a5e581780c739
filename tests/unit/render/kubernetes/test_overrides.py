"""What a user changes in rendered objects."""

from typing import Any

import pytest

from smartstore_operator.api.estate import Override
from smartstore_operator.api.problems import SpecError
from smartstore_operator.render.kubernetes.overrides import merged, overridden

pytestmark = pytest.mark.unit

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "demo-bridge", "namespace": "shops", "labels": {"a": "b"}},
    "spec": {"replicas": 1, "template": {"spec": {"nodeSelector": {"disk": "ssd"}}}},
}


def _override(patch: dict[str, Any], name: str = "demo-bridge") -> Override:
    return Override.model_validate({"kind": "Deployment", "name": name, "patch": patch})


def test_a_patch_is_merged_into_its_object_and_no_other() -> None:
    other = {**DEPLOYMENT, "metadata": {"name": "demo-connect", "namespace": "shops"}}
    patch = {
        "metadata": {"annotations": {"team": "x"}},
        "spec": {"template": {"spec": {"priorityClassName": "high"}}},
    }
    first, second = overridden([DEPLOYMENT, other], [_override(patch)])
    assert first["spec"]["template"]["spec"] == {"nodeSelector": {"disk": "ssd"}, "priorityClassName": "high"}
    assert first["metadata"] == {**DEPLOYMENT["metadata"], "annotations": {"team": "x"}}
    assert second is other


def test_patches_of_one_object_add_up() -> None:
    patches = [_override({"spec": {"replicas": 2}}), _override({"spec": {"paused": True}})]
    (only,) = overridden([DEPLOYMENT], patches)
    assert (only["spec"]["replicas"], only["spec"]["paused"]) == (2, True)


# the examples of RFC 7386, appendix A
@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch(target: Any, patch: Any, result: Any) -> None:
    assert merged(target, patch) == result


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        (
            _override({}, name="demo-brige"),
            (
                "spec.overrides[1]: there is no Deployment demo-brige; did you mean demo-bridge? "
                "`smartstore-operator plan` shows the objects"
            ),
        ),
        (
            _override({}, name="elsewhere"),
            "spec.overrides[1]: there is no Deployment elsewhere; `smartstore-operator plan` shows the objects",
        ),
        (
            _override({"kind": "Pod", "metadata": {"labels": {}}}),
            (
                "spec.overrides[1].patch: kind, metadata.labels cannot be changed: by them the operator finds the "
                "object; leave them out"
            ),
        ),
        *(
            (
                _override(patch),
                f"spec.overrides[1].patch: {path} must stay a block of fields; name the fields in it that change",
            )
            for path, patch in (
                ("metadata", {"metadata": None}),
                ("metadata", {"metadata": "name"}),
                ("metadata.annotations", {"metadata": {"annotations": ["a"]}}),
                ("spec", {"spec": None}),
                ("spec", {"spec": []}),
                ("spec.template", {"spec": {"template": None}}),
                ("spec.template", {"spec": {"template": 7}}),
            )
        ),
    ],
)
def test_what_cannot_be_followed_is_told_with_its_place(override: Override, complaint: str) -> None:
    with pytest.raises(SpecError) as error:
        overridden([DEPLOYMENT], [_override({"spec": {}}), override])
    assert str(error.value) == complaint


def test_all_complaints_are_told_at_once() -> None:
    with pytest.raises(SpecError) as error:
        overridden([DEPLOYMENT], [_override({}, name="a"), _override({"kind": "Pod"})])
    assert [problem.path for problem in error.value.problems] == [
        "spec.overrides[0]",
        "spec.overrides[1].patch",
    ]
