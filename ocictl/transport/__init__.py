"""HTTP to registries: requests and urllib3 live here only."""
