"""Recorded baskets (Complete Journey), played again against planned shelves."""
