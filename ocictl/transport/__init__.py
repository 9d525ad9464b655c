"""HTTP to registries: sockets, TLS, requests and urllib3 live here only."""
