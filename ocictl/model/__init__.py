"""The documents and names of OCI, without any input or output.

Raw bytes are kept, digests are digests of raw bytes, unknown members survive a rewrite.
"""
