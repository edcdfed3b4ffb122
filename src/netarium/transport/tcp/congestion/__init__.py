"""Congestion control: each algorithm gets numbers and gives numbers."""
