"""The supervisor and its children: starts, watches and stops them, and judges their health."""
