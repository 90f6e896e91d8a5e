"""Loads an OpenStack cloud at scale from inside its own servers and judges it against an SLA."""
