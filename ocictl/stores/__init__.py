"""Places that implement `ocictl.target`: a registry's repository, an OCI layout, memory."""
