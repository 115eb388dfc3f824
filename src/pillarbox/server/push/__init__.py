"""Telling devices by way of push services.

identity.py  as whom push services know this provider
"""
