"""What is done to whole databases: copies, archives, backups, compaction, encryption."""
