"""SmartStore control plane: one resource, rendered to Kubernetes objects or to processes on one machine."""
