"""Reasons of events of severity info that tell of no change: hints about how something is configured."""

HINTS = ("CgroupV1", "MultiplePodDisruptionBudgets", "PossibleMemoryBackedVolumesOnDisk", "UnmanagedPods")
