"""How the chest of nobody is made. Read `shapes`, `anatomy`, `trees`, `breathing`, `scanner`."""
