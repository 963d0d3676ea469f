"""Value files of the published study: read like results, and written."""
