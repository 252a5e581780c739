"""SmartStore data plane: contracts, domain jobs and the processes around them."""
