"""Web Push, as an application server speaks it to push services: values in, octets out.

p256.py  keys of its curve
"""
