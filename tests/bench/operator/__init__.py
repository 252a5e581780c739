"""`make bench-operator`: how the operator does with thousands of SmartStores on an API server without nodes."""
