"""Telling devices by way of push services.

identity.py  as whom push services know this provider
starting.py  one worker sends, once there is anybody to send to (`server/jmap/pushing/`)
"""
