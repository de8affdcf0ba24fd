"""Datasets of labelled images, loaded and checked with numpy alone, which is imported when they are."""
