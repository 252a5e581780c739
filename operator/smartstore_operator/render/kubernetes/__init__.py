"""The components as Kubernetes objects: pure, one module a concern.

from smartstore_operator.render.kubernetes import manifests, place

platform = place(smartstore, namespace, secrets, cluster_id)
objects = manifests(smartstore, platform, namespace, images)
"""

from smartstore_operator.render.kubernetes.images import IMAGES, Images
from smartstore_operator.render.kubernetes.manifests import Manifest, awake, manifests
from smartstore_operator.render.kubernetes.place import place

__all__ = ["IMAGES", "Images", "Manifest", "awake", "manifests", "place"]
