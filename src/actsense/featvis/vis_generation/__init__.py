"""Pictures under the names of the published code."""
