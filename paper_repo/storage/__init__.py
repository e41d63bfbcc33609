"""Where rows live: databases, tables, migrations. It knows rows and columns, never entities."""
