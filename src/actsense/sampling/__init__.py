"""Factors, designs and the evaluations they ask for."""
