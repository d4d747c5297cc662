"""Pulls: answers of HTTP APIs become landed files, whole and byte for byte; what becomes of them is the landing's business."""
