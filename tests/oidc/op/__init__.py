"""The test modules of the OpenID Foundation's conformance suite for providers, told again in Python."""
