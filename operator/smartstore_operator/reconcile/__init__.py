"""From a SmartStore in the API server to its objects there: what each is like, what to do next, what to report."""
