"""From the records of a results folder to a page, figures and tables."""
