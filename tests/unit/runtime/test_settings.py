"""Settings of the operator's process."""

import pytest

from smartstore_operator.render.kubernetes import Images
from smartstore_operator.runtime.settings import Settings, WrongSetting

pytestmark = pytest.mark.unit

IMAGE = {"SMARTSTORE_OPERATOR_IMAGE_SPARK": "example/spark:1"}
IMAGES = Images(
    services="smartstore-services:0.1.0",
    kafka="smartstore-kafka:0.1.0",
    spark="example/spark:1",
    connect="smartstore-connect:0.1.0",
)


def test_defaults() -> None:
    assert Settings.from_environment(IMAGE) == Settings(images=IMAGES)


def test_all_set() -> None:
    given = {"NAMESPACES": "a, b,", "WORKERS": "8", "RESYNC_SECONDS": "30"}
    found = Settings.from_environment(
        IMAGE | {f"SMARTSTORE_OPERATOR_{name}": value for name, value in given.items()}
    )
    assert found == Settings(images=IMAGES, namespaces=("a", "b"), workers=8, resync_seconds=30.0)


@pytest.mark.parametrize(
    ("name", "value"), [("WORKERS", "0"), ("WORKERS", "many"), ("RESYNC_SECONDS", "nan")]
)
def test_a_wrong_number_is_named(name: str, value: str) -> None:
    with pytest.raises(WrongSetting, match=f"SMARTSTORE_OPERATOR_{name} is '{value}'"):
        Settings.from_environment(IMAGE | {f"SMARTSTORE_OPERATOR_{name}": value})
