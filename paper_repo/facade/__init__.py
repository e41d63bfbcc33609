"""The async repository over the synchronous one."""
