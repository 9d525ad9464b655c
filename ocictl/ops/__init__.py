"""The verbs: each takes targets and plain arguments, reports events, returns a frozen result."""
