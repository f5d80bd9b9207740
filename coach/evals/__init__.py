"""Regression evals: cases, scorers that do not trust the coach, a blessed baseline, reports."""
