"""A large blob over several connections: the stream, and the judgement of how many are worth it (ADR 0013)."""
