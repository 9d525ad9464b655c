"""Fuzzing of everything that reads what strangers wrote: archives, compressed data, documents, answers.

`python -m tests.fuzz` runs for as long as it is told; the tests here are a short run of the same.
"""
