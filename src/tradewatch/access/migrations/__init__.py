"""How the access database comes from any older version to the present one."""
