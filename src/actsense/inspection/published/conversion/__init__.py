"""Published values written as the stores and tables of a study of ours."""
