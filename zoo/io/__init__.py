"""The one way bytes come in and go out."""
